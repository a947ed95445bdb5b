/*
 * Bare-metal driver of the VT-d unit for the svatest qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "svatest-vtd.h"

#define ECAM_BASE       0xb0000000ull
#define MMIO_BASE       0xc0000000ull
#define RAM_FREE        0x00400000ull   /* below: nothing that we use */

/**
 * sva_firmware: the image at SVA_ROM; the caller unlinks and frees its name
 *
 * The processors run with "-accel tcg" only. Then they wait for a byte at
 * SVA_CPU, write two words to ports as the bytes after it say, and stop. The
 * first eight bytes of the image are an entry of either stage that maps the
 * first free page.
 */
char *sva_firmware(void)
{
    static const uint8_t code[] = {
        0x31, 0xc0, 0x8e, 0xd8,             /* ds = 0 */
        0x80, 0x3e, 0x00, 0x05, 0x01,       /* cmp byte [0x500], 1 */
        0x75, 0xf9,                         /* jne -7 */
        0x8b, 0x16, 0x04, 0x05,             /* dx = [0x504] */
        0x66, 0xa1, 0x08, 0x05,             /* eax = [0x508] */
        0x66, 0xef,                         /* out dx, eax */
        0x8b, 0x16, 0x0c, 0x05,             /* dx = [0x50c] */
        0x66, 0xa1, 0x10, 0x05,             /* eax = [0x510] */
        0x66, 0xef,                         /* out dx, eax */
        0xc6, 0x06, 0x00, 0x05, 0x02,       /* byte [0x500] = 2 */
        0xf4, 0xeb, 0xfd,                   /* hlt, for ever */
    };
    static const uint8_t reset[] = { 0xe9, 0x0d, 0xff };    /* jmp 0xff00 */
    g_autofree char *image = g_malloc0(64 * 1024);
    char *path;
    int fd = g_file_open_tmp("svatest-XXXXXX.rom", &path, NULL);

    stq_le_p(image, RAM_FREE | FS_ALL);
    memcpy(image + 0xff00, code, sizeof(code));
    memcpy(image + 0xfff0, reset, sizeof(reset));
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_assert_true(g_file_set_contents(path, image, 64 * 1024, NULL));
    return path;
}

/**
 * sva_cpu_out: have the processor write two words, the second after the first
 *
 * Does not wait for it. Once only.
 */
void sva_cpu_out(Sva *s, const uint32_t out[4])
{
    for (int i = 0; i < 4; i++) {
        qtest_writel(s->qts, SVA_CPU + 4 + i * 4, out[i]);
    }
    qtest_writeb(s->qts, SVA_CPU, 1);
}

/** sva_cpu_done: has it written both? */
bool sva_cpu_done(Sva *s)
{
    return qtest_readb(s->qts, SVA_CPU) == 2;
}

/** sva_config_space: make it accessible, by PCIEXBAR of the host bridge */
void sva_config_space(Sva *s)
{
    qtest_outl(s->qts, 0xcf8, 0x80000064);
    qtest_outl(s->qts, 0xcfc, 0);
    qtest_outl(s->qts, 0xcf8, 0x80000060);
    qtest_outl(s->qts, 0xcfc, ECAM_BASE | 1);
}

/**
 * sva_start: start a machine
 *
 * @args: devices
 */
Sva *sva_start(const char *args)
{
    g_autofree char *bios = sva_firmware();
    Sva *s = g_new0(Sva, 1);

    s->qts = qtest_initf("-M q35 -m 128M -nodefaults -bios %s %s",
                         bios, args);
    unlink(bios);
    s->brk = RAM_FREE;
    s->mmio = MMIO_BASE;
    s->iq_shift = 5;

    sva_config_space(s);
    s->root = sva_page(s);
    s->iq = sva_page(s);
    s->status = sva_page(s);
    return s;
}

/**
 * sva_refused: what QEMU says when it does not start a machine, to be freed
 *
 * @args: devices, one of which it refuses
 */
char *sva_refused(const char *args)
{
    g_autofree char *bios = sva_firmware();
    g_autofree char *line = g_strdup_printf(
        "%s -M q35 -accel qtest -display none -nodefaults -S -bios %s %s",
        g_getenv("QTEST_QEMU_BINARY"), bios, args);
    g_auto(GStrv) argv = NULL;
    char *said;
    int status;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL,
                               NULL, NULL, NULL, &said, &status, NULL));
    unlink(bios);
    g_test_message("%s", said);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    return said;
}

void sva_quit(Sva *s)
{
    qtest_quit(s->qts);
    g_free(s);
}

/** sva_pages: zeroed guest memory; never given back */
uint64_t sva_pages(Sva *s, uint64_t size, uint64_t align)
{
    uint64_t p = QEMU_ALIGN_UP(s->brk, align);

    s->brk = p + size;
    g_assert_cmphex(s->brk, <=, 128 * 1024 * 1024);
    return p;
}

uint64_t sva_page(Sva *s)
{
    return sva_pages(s, KiB4, KiB4);
}

uint64_t sva_read64(Sva *s, uint64_t addr)
{
    return qtest_readq(s->qts, addr);
}

void sva_write64(Sva *s, uint64_t addr, uint64_t value)
{
    qtest_writeq(s->qts, addr, value);
}

void sva_set_bits(Sva *s, uint64_t addr, uint64_t bits)
{
    sva_write64(s, addr, sva_read64(s, addr) | bits);
}

void sva_clear_bits(Sva *s, uint64_t addr, uint64_t bits)
{
    sva_write64(s, addr, sva_read64(s, addr) & ~bits);
}

/**
 * sva_vector: has the message with this vector arrived?
 *
 * Nothing acknowledges interrupts, so a case uses each vector once.
 */
bool sva_vector(Sva *s, unsigned vector)
{
    g_autofree char *text = qtest_hmp(s->qts, "info lapic");
    g_auto(GStrv) words = NULL;
    char *irr = strstr(text, "IRR\t"), *end;
    int i;

    g_assert_nonnull(irr);
    irr += strlen("IRR\t");
    end = strpbrk(irr, "\r\n");
    if (end) {
        *end = 0;
    }
    words = g_strsplit(irr, " ", -1);
    for (i = 0; words[i]; i++) {
        if (g_ascii_isdigit(words[i][0]) && atoi(words[i]) == (int)vector) {
            return true;
        }
    }
    return false;
}

uint32_t vtd_readl(Sva *s, unsigned reg)
{
    return qtest_readl(s->qts, VTD_BASE + reg);
}

uint64_t vtd_readq(Sva *s, unsigned reg)
{
    return qtest_readq(s->qts, VTD_BASE + reg);
}

void vtd_writel(Sva *s, unsigned reg, uint32_t value)
{
    qtest_writel(s->qts, VTD_BASE + reg, value);
}

void vtd_writeq(Sva *s, unsigned reg, uint64_t value)
{
    qtest_writeq(s->qts, VTD_BASE + reg, value);
}

/* One-shot command bits read as 0 in GSTS or must be written as 0 again. */
void vtd_gcmd(Sva *s, uint32_t bit, bool on)
{
    uint32_t sticky = vtd_readl(s, VTD_GSTS) & 0x96ffffff;

    vtd_writel(s, VTD_GCMD, on ? sticky | bit : sticky & ~bit);
}

void vtd_set_root(Sva *s, uint64_t ttm)
{
    vtd_writeq(s, VTD_RTADDR, s->root | ttm);
    vtd_gcmd(s, GSTS_RTPS, true);
    g_assert_cmphex(vtd_readl(s, VTD_GSTS) & GSTS_RTPS, ==, GSTS_RTPS);
}

/** vtd_enable: scalable mode, 256-bit queue, translation on */
void vtd_enable(Sva *s)
{
    vtd_set_root(s, TTM_SCALABLE);
    vtd_iq_init(s, true);
    vtd_flush_all(s);
    vtd_gcmd(s, GSTS_TE, true);
    g_assert_cmphex(vtd_readl(s, VTD_GSTS) & GSTS_TE, ==, GSTS_TE);
}

uint64_t vtd_root_at(Sva *s, uint16_t sid)
{
    return s->root + (sid >> 8) * 16 + ((sid & 0x80) ? 8 : 0);
}

uint64_t vtd_context_at(Sva *s, uint16_t sid)
{
    uint64_t root = sva_read64(s, vtd_root_at(s, sid));

    g_assert_true(root & 1);
    return (root & ADDR_MASK) + (sid & 0x7f) * 32;
}

/** vtd_context: a context entry with a directory for every 20-bit PASID */
void vtd_context(Sva *s, uint16_t sid, uint64_t flags)
{
    uint64_t at;

    if (!(sva_read64(s, vtd_root_at(s, sid)) & 1)) {
        sva_write64(s, vtd_root_at(s, sid), sva_page(s) | 1);
    }
    at = vtd_context_at(s, sid);
    sva_write64(s, at, sva_pages(s, 16384 * 8, KiB4) | CTX_PDTS(7) | flags);
}

uint64_t vtd_dir_at(Sva *s, uint16_t sid, uint32_t pasid)
{
    uint64_t dir = sva_read64(s, vtd_context_at(s, sid)) & ADDR_MASK;

    return dir + (pasid >> 6) * 8;
}

uint64_t vtd_entry_at(Sva *s, uint16_t sid, uint32_t pasid)
{
    uint64_t at = vtd_dir_at(s, sid, pasid), dir = sva_read64(s, at);

    if (!(dir & ADDR_MASK)) {
        dir = sva_page(s) | 1;
        sva_write64(s, at, dir);
    }
    return (dir & ADDR_MASK) + (pasid & 0x3f) * 64;
}

void vtd_bind(Sva *s, uint16_t sid, uint32_t pasid, const SvaEntry *e)
{
    uint64_t at = vtd_entry_at(s, sid, pasid);
    int i;

    for (i = 7; i >= 0; i--) {
        sva_write64(s, at + i * 8, e->q[i]);
    }
}

void vtd_unbind(Sva *s, uint16_t sid, uint32_t pasid)
{
    qtest_memset(s->qts, vtd_entry_at(s, sid, pasid), 0, 64);
}

static uint64_t table_page(SvaTable *t)
{
    uint64_t p = sva_page(t->s);

    if (t->under) {
        vtd_map(t->under, GPA(p), p, SS_ALL, 1);
    }
    return p;
}

static uint64_t table_pointer(const SvaTable *t, uint64_t hpa)
{
    return t->under ? GPA(hpa) : hpa;
}

void vtd_table(SvaTable *t, Sva *s, bool second, int levels, SvaTable *under)
{
    *t = (SvaTable) {
        .s = s, .second = second, .levels = levels, .under = under,
    };
    t->root = table_page(t);
}

/** vtd_slot: the entry of @in at @level, tables above it made as needed */
uint64_t vtd_slot(SvaTable *t, uint64_t in, int level)
{
    uint64_t table = t->root;
    int l;

    for (l = t->levels; ; l--) {
        uint64_t at = table + ((in >> (12 + 9 * (l - 1))) & 0x1ff) * 8;
        uint64_t entry;

        if (l == level) {
            return at;
        }
        entry = sva_read64(t->s, at);
        if (!(entry & ADDR_MASK)) {
            uint64_t page = table_page(t);

            entry = table_pointer(t, page) | (t->second ? SS_ALL : FS_ALL);
            sva_write64(t->s, at, entry);
        }
        table = (entry & ADDR_MASK) - (t->under ? GiB1 : 0);
    }
}

/**
 * vtd_map: one page
 *
 * @level: 1, 2 or 3 for a page of 4 KiB, 2 MiB or 1 GiB
 *
 * Returns: where the leaf entry is.
 */
uint64_t vtd_map(SvaTable *t, uint64_t in, uint64_t out, uint64_t flags,
                 int level)
{
    uint64_t at = vtd_slot(t, in, level);

    sva_write64(t->s, at, out | flags | (level > 1 ? FS_PS : 0));
    return at;
}

SvaEntry vtd_entry_first(const SvaTable *t, uint16_t did)
{
    return (SvaEntry) { {
        PE_P | PE_FIRST, PE_PWSNP | did,
        table_pointer(t, t->root) | (t->levels == 5 ? PE_FSPM5 : 0),
    } };
}

SvaEntry vtd_entry_second(const SvaTable *t, uint16_t did)
{
    return (SvaEntry) { {
        PE_P | PE_SECOND | PE_AW(t->levels - 2) | t->root, PE_PWSNP | did,
    } };
}

SvaEntry vtd_entry_nested(const SvaTable *t, uint16_t did)
{
    SvaEntry e = vtd_entry_first(t, did);

    e.q[0] = PE_P | PE_NESTED | PE_AW(t->under->levels - 2) | t->under->root;
    return e;
}

SvaEntry vtd_entry_pt(uint16_t did)
{
    return (SvaEntry) { { PE_P | PE_PT | PE_AW(2), did } };
}

/** vtd_iq_init: an empty queue of one page with 256- or 128-bit descriptors */
void vtd_iq_init(Sva *s, bool wide)
{
    vtd_gcmd(s, GSTS_QIES, false);
    s->iq_shift = wide ? 5 : 4;
    vtd_writeq(s, VTD_IQT, 0);
    vtd_writeq(s, VTD_IQA, s->iq | (wide ? 1 << 11 : 0));
    vtd_gcmd(s, GSTS_QIES, true);
    g_assert_cmphex(vtd_readl(s, VTD_GSTS) & GSTS_QIES, ==, GSTS_QIES);
}

/** vtd_iq4: put one descriptor into the queue and tell the unit */
void vtd_iq4(Sva *s, uint64_t q0, uint64_t q1, uint64_t q2, uint64_t q3)
{
    uint64_t d[4] = {
        cpu_to_le64(q0), cpu_to_le64(q1), cpu_to_le64(q2), cpu_to_le64(q3)
    };
    uint64_t tail = vtd_readq(s, VTD_IQT);
    uint64_t size = 1ull << s->iq_shift;

    qtest_memwrite(s->qts, s->iq + tail, d, size);
    vtd_writeq(s, VTD_IQT, (tail + size) & 0xfff);
}

void vtd_iq(Sva *s, uint64_t q0, uint64_t q1)
{
    vtd_iq4(s, q0, q1, 0, 0);
}

/** vtd_wait_done: did the last wait descriptor write its status? */
bool vtd_wait_done(Sva *s)
{
    return qtest_readl(s->qts, s->status) == s->waits;
}

bool vtd_wait_flags(Sva *s, uint64_t flags)
{
    s->waits++;
    vtd_iq(s, 5 | flags | (uint64_t)s->waits << 32, s->status);
    return vtd_wait_done(s);
}

bool vtd_wait(Sva *s)
{
    return vtd_wait_flags(s, WAIT_SW);
}

uint64_t vtd_ctx_q0(int gran, uint16_t did, uint16_t sid, unsigned fm)
{
    return 1 | gran << 4 | did << 16 | (uint64_t)sid << 32 |
           (uint64_t)fm << 48;
}

uint64_t vtd_pc_q0(int gran, uint16_t did, uint32_t pasid)
{
    return 7 | gran << 4 | (uint64_t)did << 16 | (uint64_t)pasid << 32;
}

uint64_t vtd_iotlb_q0(int gran, uint16_t did)
{
    return 2 | gran << 4 | (uint64_t)did << 16;
}

uint64_t vtd_piotlb_q0(int gran, uint16_t did, uint32_t pasid)
{
    return 6 | gran << 4 | (uint64_t)did << 16 | (uint64_t)pasid << 32;
}

uint64_t vtd_dev_q0(uint16_t sid, uint16_t pfsid)
{
    return 3 | (pfsid & 0xf) << 12 | (uint64_t)sid << 32 |
           (uint64_t)(pfsid >> 4) << 52;
}

uint64_t vtd_pdev_q0(uint16_t sid, uint16_t pfsid, uint32_t pasid)
{
    return 8 | (pfsid & 0xf) << 12 | (uint64_t)sid << 16 |
           (uint64_t)pasid << 32 | (uint64_t)(pfsid >> 4) << 52;
}

uint64_t vtd_resp_q0(uint16_t sid, uint32_t pasid, unsigned code)
{
    uint64_t q0 = 9 | code << 12 | (uint64_t)sid << 16;

    return pasid == NO_PASID ? q0 : q0 | 1 << 4 | (uint64_t)pasid << 32;
}

uint64_t vtd_resp_q1(unsigned prgi)
{
    return 1 << 2 | prgi << 3;
}

/** vtd_flush_all: context, PASID and IOTLB caches */
void vtd_flush_all(Sva *s)
{
    vtd_iq(s, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
    vtd_iq(s, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    vtd_iq(s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    g_assert_true(vtd_wait(s));
}

/**
 * vtd_fault_next: take the oldest fault record
 *
 * Walks from FSTS.FRI on, as an operating system does, and clears the record.
 */
bool vtd_fault_next(Sva *s, SvaFault *f)
{
    uint32_t fsts = vtd_readl(s, VTD_FSTS);
    unsigned i, first = (fsts >> 8) & 0xff;

    if (!(fsts & FSTS_PPF)) {
        return false;
    }
    g_assert_cmpuint(first, <, 8);
    for (i = 0; i < 8; i++) {
        unsigned reg = VTD_FRCD + ((first + i) % 8) * 16;
        uint64_t lo = vtd_readq(s, reg), hi = vtd_readq(s, reg + 8);

        if (!(hi >> 63)) {
            continue;
        }
        *f = (SvaFault) {
            .reason = hi >> 32,
            .sid = hi,
            .pasid = (hi >> 31) & 1 ? (hi >> 40) & 0xfffff : NO_PASID,
            .addr = lo,
            .t1 = (hi >> 62) & 1,
            .t2 = (hi >> 28) & 1,
            .exe = (hi >> 30) & 1,
            .priv = (hi >> 29) & 1,
            .at = (hi >> 60) & 3,
        };
        vtd_writeq(s, reg + 8, 1ull << 63);
        return true;
    }
    g_test_message("FSTS.PPF without a pending record");
    g_assert_not_reached();
}

void vtd_fault_clear(Sva *s)
{
    SvaFault f;

    while (vtd_fault_next(s, &f)) {
        ;
    }
    vtd_writel(s, VTD_FSTS, FSTS_PFO);
}

/** vtd_expect_fault: exactly this fault is pending; it is cleared */
void vtd_expect_fault(Sva *s, const SvaFault *want)
{
    SvaFault f;

    if (!vtd_fault_next(s, &f)) {
        g_test_message("no fault recorded, expected reason 0x%x", want->reason);
        g_assert_not_reached();
    }
    g_assert_cmphex(f.reason, ==, want->reason);
    g_assert_cmphex(f.sid, ==, want->sid);
    g_assert_cmphex(f.pasid, ==, want->pasid);
    g_assert_cmphex(f.addr, ==, FI(want->addr));
    g_assert_cmpuint(f.t1, ==, want->t1);
    g_assert_cmpuint(f.t2, ==, want->t2);
    if (want->pasid != NO_PASID) {
        g_assert_cmpuint(f.exe, ==, want->exe);
        g_assert_cmpuint(f.priv, ==, want->priv);
    }
    g_assert_cmpuint(f.at, ==, want->at);
    vtd_expect_no_fault(s);
}

void vtd_expect_no_fault(Sva *s)
{
    SvaFault f;

    if (vtd_fault_next(s, &f)) {
        g_test_message("unexpected fault 0x%x sid %x pasid %x at 0x%" PRIx64,
                       f.reason, f.sid, f.pasid, f.addr);
        g_assert_not_reached();
    }
    g_assert_cmphex(vtd_readl(s, VTD_FSTS) & (FSTS_PFO | FSTS_PPF), ==, 0);
}

/** vtd_pq_init: a page request queue of 128 << @pqs entries */
void vtd_pq_init(Sva *s, unsigned pqs)
{
    s->pq = sva_pages(s, KiB4 << pqs, KiB4 << pqs);
    vtd_writeq(s, VTD_PQH, 0);
    vtd_writeq(s, VTD_PQT, 0);
    vtd_writeq(s, VTD_PQA, s->pq | pqs);
}

bool vtd_pq_next(Sva *s, uint64_t d[4])
{
    uint64_t head = vtd_readq(s, VTD_PQH);
    uint64_t size = KiB4 << (vtd_readq(s, VTD_PQA) & 7);
    int i;

    if (head == vtd_readq(s, VTD_PQT)) {
        return false;
    }
    for (i = 0; i < 4; i++) {
        d[i] = sva_read64(s, s->pq + head + i * 8);
    }
    vtd_writeq(s, VTD_PQH, (head + 32) & (size - 1));
    return true;
}

unsigned vtd_pq_count(Sva *s)
{
    uint64_t size = KiB4 << (vtd_readq(s, VTD_PQA) & 7);

    return ((vtd_readq(s, VTD_PQT) - vtd_readq(s, VTD_PQH)) & (size - 1)) / 32;
}

static uint64_t cfg(uint16_t bdf, unsigned off)
{
    return ECAM_BASE + ((uint64_t)bdf << 12) + off;
}

uint32_t sva_cfg_readl(Sva *s, uint16_t bdf, unsigned off)
{
    return qtest_readl(s->qts, cfg(bdf, off));
}

uint16_t sva_cfg_readw(Sva *s, uint16_t bdf, unsigned off)
{
    return qtest_readw(s->qts, cfg(bdf, off));
}

void sva_cfg_writel(Sva *s, uint16_t bdf, unsigned off, uint32_t value)
{
    qtest_writel(s->qts, cfg(bdf, off), value);
}

void sva_cfg_writew(Sva *s, uint16_t bdf, unsigned off, uint16_t value)
{
    qtest_writew(s->qts, cfg(bdf, off), value);
}

/** sva_cap: offset of a capability, 0 if the function has none */
unsigned sva_cap(Sva *s, uint16_t bdf, uint8_t id)
{
    unsigned off = sva_cfg_readw(s, bdf, 0x34) & 0xfc;

    while (off) {
        uint16_t header = sva_cfg_readw(s, bdf, off);

        if ((header & 0xff) == id) {
            return off;
        }
        off = header >> 8;
    }
    return 0;
}

unsigned sva_ext_cap(Sva *s, uint16_t bdf, uint16_t id)
{
    unsigned off = 0x100;

    while (off) {
        uint32_t header = sva_cfg_readl(s, bdf, off);

        if (header && header != UINT32_MAX && (header & 0xffff) == id) {
            return off;
        }
        off = header >> 20;
        if (header == UINT32_MAX) {
            break;
        }
    }
    return 0;
}

/**
 * sva_assign_bars: size the BARs from config offset @first on and place them
 *
 * @bar: their addresses, indexed by BAR number; 0 where there is none
 */
void sva_assign_bars(Sva *s, uint16_t bdf, unsigned first, uint64_t bar[6])
{
    int i;

    for (i = 0; i < 6; i++) {
        unsigned off = first + i * 4;
        uint32_t low, high = UINT32_MAX;
        uint64_t size;
        bool wide;

        bar[i] = 0;
        sva_cfg_writel(s, bdf, off, UINT32_MAX);
        low = sva_cfg_readl(s, bdf, off);
        if (!low) {
            continue;
        }
        wide = (low & 6) == 4;
        if (wide) {
            sva_cfg_writel(s, bdf, off + 4, UINT32_MAX);
            high = sva_cfg_readl(s, bdf, off + 4);
        }
        size = -((uint64_t)high << 32 | (low & ~0xfu));
        s->mmio = QEMU_ALIGN_UP(s->mmio, size);
        bar[i] = s->mmio;
        s->mmio += size * (first == 0x10 ? 1 : 8);
        sva_cfg_writel(s, bdf, off, bar[i]);
        if (wide) {
            sva_cfg_writel(s, bdf, off + 4, bar[i] >> 32);
            i++;
            bar[i] = 0;
        }
    }
}
