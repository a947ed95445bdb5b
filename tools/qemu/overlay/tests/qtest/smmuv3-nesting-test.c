/*
 * Both stages of an SMMUv3, by tables built by hand
 *
 * The device is edu, which writes zeros where it is told to. Sections are those
 * of the architecture, IHI 0070.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqtest.h"

#define SMMU            0x09050000ull
#define IDR1            0x0004
#define IDR3            0x000c
#define CR0             0x0020
#define GERROR          0x0060
#define STRTAB_BASE     0x0080
#define STRTAB_BASE_CFG 0x0088
#define CMDQ_BASE       0x0090
#define CMDQ_PROD       0x0098
#define CMDQ_CONS       0x009c
#define EVENTQ_BASE     0x00a0
#define EVENTQ_PROD     0x100a8
#define EVENTQ_CONS     0x100ac

#define CMD_CFGI_STE    0x03
#define CMD_NSNH_ALL    0x30

#define OVERFLOW        BIT(31)     /* PROD.OVFLG and CONS.OVACKFLG */

#define F_TRANSLATION   0x10
#define CLASS_CD        0
#define CLASS_TT        1
#define CLASS_IN        2

/* edu, whose function is the stream */
#define SID             0x10
#define ECAM            0x3f000000ull
#define BAR             0x10000000ull

/* Memory of the test, handed out page by page; what software calls a GPA */
#define RAM             0x48000000ull
#define PAGE            0x1000ull
#define MARK            0x5a5a5a5a

/* What a guest has where: intermediate physical addresses, and one virtual */
#define IPA_CD          0x0000100000ull
#define IPA_TABLE       0x0000200000ull
#define IPA_DATA        0x0000300000ull
#define VA              0x0012345000ull

#define MEV             BIT_ULL(19)

typedef struct Smmu {
    QTestState *qts;
    uint64_t next;      /* page of RAM */
    uint64_t ste;
    uint64_t cmdq;
    uint64_t eventq;
    unsigned eventq_bits;
    uint64_t s2;        /* level 1 table of stage 2 */
    uint64_t cd;
    uint64_t data;      /* the page at IPA_DATA */
} Smmu;

static uint64_t page(Smmu *m)
{
    uint64_t addr = m->next;

    m->next += PAGE;
    qtest_memset(m->qts, addr, 0, PAGE);
    return addr;
}

/* Pages that are not neighbours */
static uint64_t lone_page(Smmu *m)
{
    m->next += PAGE;
    return page(m);
}

static uint32_t reg(Smmu *m, unsigned offset)
{
    return qtest_readl(m->qts, SMMU + offset);
}

static void set_reg(Smmu *m, unsigned offset, uint32_t value)
{
    qtest_writel(m->qts, SMMU + offset, value);
}

static void command(Smmu *m, uint64_t low, uint64_t high)
{
    uint32_t prod = reg(m, CMDQ_PROD);

    qtest_writeq(m->qts, m->cmdq + (prod & 0xff) * 16, low);
    qtest_writeq(m->qts, m->cmdq + (prod & 0xff) * 16 + 8, high);
    set_reg(m, CMDQ_PROD, (prod + 1) & 0x1ff);
    g_assert_cmphex(reg(m, CMDQ_CONS), ==, (prod + 1) & 0x1ff);
}

/* The entry of a table of stage 2 for @ipa, which is made if there is none. */
static uint64_t s2_entry(Smmu *m, uint64_t ipa)
{
    uint64_t table = m->s2, entry, value;

    for (int shift = 30; shift > 12; shift -= 9) {
        entry = table + extract64(ipa, shift, 9) * 8;
        value = qtest_readq(m->qts, entry);
        if (!value) {
            value = page(m) | 3;
            qtest_writeq(m->qts, entry, value);
        }
        table = value & ~0xfffull;
    }
    return table + extract64(ipa, 12, 9) * 8;
}

/* A page of stage 2: readable, writable, accessed. */
static void s2_map(Smmu *m, uint64_t ipa, uint64_t addr)
{
    qtest_writeq(m->qts, s2_entry(m, ipa), addr | 0x4c3);
}

static void s2_unmap(Smmu *m, uint64_t ipa)
{
    qtest_writeq(m->qts, s2_entry(m, ipa), 0);
}

/* A descriptor of stage 1 for a table, and for a page: writable, accessed. */
static uint64_t s1_table(uint64_t ipa)
{
    return ipa | 3;
}

static uint64_t s1_page(uint64_t ipa)
{
    return ipa | 0x443;
}

/* 5.2 Stream Table Entry: both stages, 39 bits of intermediate addresses. */
static void set_ste(Smmu *m, uint64_t flags)
{
    qtest_writeq(m->qts, m->ste + 8, flags);
    /* S2T0SZ 25, S2SL0 1, S2PS 44 bits, AArch64, S2R; VMID 7 */
    qtest_writeq(m->qts, m->ste + 16,
                 7 | (25ull << 32) | (1ull << 38) | (4ull << 48) |
                 BIT_ULL(51) | BIT_ULL(58));
    qtest_writeq(m->qts, m->ste + 24, m->s2);
    qtest_writeq(m->qts, m->ste, IPA_CD | (7 << 1) | 1);
    command(m, CMD_CFGI_STE | ((uint64_t)SID << 32), 1);
}

/* 5.4 Context Descriptor: TTB0 alone, with TCR's low bits as given. */
static void set_cd(Smmu *m, uint64_t tcr, uint64_t ttb)
{
    qtest_writeq(m->qts, m->cd + 8, ttb);
    /* EPD1, V; IPS 44 bits, AA64, R, A, ASID 3 */
    qtest_writeq(m->qts, m->cd,
                 tcr | BIT_ULL(30) | BIT_ULL(31) | (4ull << 32) |
                 BIT_ULL(41) | BIT_ULL(45) | BIT_ULL(46) | (3ull << 48));
    command(m, CMD_CFGI_STE | ((uint64_t)SID << 32), 1);
}

static void start(Smmu *m, const char *options, unsigned eventq_bits)
{
    uint64_t table;

    memset(m, 0, sizeof(*m));
    m->qts = qtest_initf("-M virt-10.0,iommu=smmuv3,highmem-ecam=off -m 256M "
                         "-nodefaults -device edu,addr=2,dma_mask=0xffffffffffffffff %s",
                         options);
    m->next = RAM;
    table = RAM;
    m->next += 8 * PAGE;
    qtest_memset(m->qts, table, 0, 8 * PAGE);
    m->ste = table + SID * 64;
    m->cmdq = page(m);
    m->eventq = page(m);
    m->eventq_bits = eventq_bits;

    set_reg(m, STRTAB_BASE, table);
    set_reg(m, STRTAB_BASE + 4, 0);
    set_reg(m, STRTAB_BASE_CFG, 8);
    set_reg(m, CMDQ_BASE, m->cmdq | 8);
    set_reg(m, CMDQ_BASE + 4, 0);
    set_reg(m, EVENTQ_BASE, m->eventq | eventq_bits);
    set_reg(m, EVENTQ_BASE + 4, 0);
    set_reg(m, CR0, 0xd);

    m->s2 = page(m);
    m->cd = page(m);
    m->data = page(m);
    s2_map(m, IPA_CD, m->cd);
    s2_map(m, IPA_DATA, m->data);
    set_ste(m, 0);

    qtest_writel(m->qts, ECAM + (SID << 12) + 0x10, BAR);
    qtest_writew(m->qts, ECAM + (SID << 12) + 0x04, 6);
}

/* One page at VA by three tables of stage 1, each a page from IPA_TABLE on. */
static void map_va(Smmu *m, uint64_t table[3])
{
    for (int i = 0; i < 3; i++) {
        table[i] = lone_page(m);
        s2_map(m, IPA_TABLE + i * PAGE, table[i]);
    }
    qtest_writeq(m->qts, table[0] + extract64(VA, 30, 9) * 8,
                 s1_table(IPA_TABLE + PAGE));
    qtest_writeq(m->qts, table[1] + extract64(VA, 21, 9) * 8,
                 s1_table(IPA_TABLE + 2 * PAGE));
    qtest_writeq(m->qts, table[2] + extract64(VA, 12, 9) * 8,
                 s1_page(IPA_DATA));
    set_cd(m, 25, IPA_TABLE);
}

static void start_mapped(Smmu *m, uint64_t table[3])
{
    start(m, "", 7);
    map_va(m, table);
}

/* The device writes zeros to @va, or reads from there. */
static void dma(Smmu *m, uint64_t va, unsigned size, bool write)
{
    qtest_writeq(m->qts, BAR + 0x80, write ? 0x40000 : va);
    qtest_writeq(m->qts, BAR + 0x88, write ? va : 0x40000);
    qtest_writeq(m->qts, BAR + 0x90, size);
    qtest_writeq(m->qts, BAR + 0x98, write ? 3 : 1);
    qtest_clock_step(m->qts, 200 * 1000 * 1000);
    g_assert_cmphex(qtest_readq(m->qts, BAR + 0x98) & 1, ==, 0);
}

/* Does a write to VA reach @addr? */
static bool reaches(Smmu *m, uint64_t addr)
{
    qtest_writel(m->qts, addr, MARK);
    dma(m, VA, 4, true);
    return qtest_readl(m->qts, addr) == 0;
}

static unsigned events(Smmu *m)
{
    return (reg(m, EVENTQ_PROD) - reg(m, EVENTQ_CONS)) &
           (BIT(m->eventq_bits + 1) - 1);
}

/* Word @n of the oldest record */
static uint64_t event(Smmu *m, unsigned n)
{
    unsigned index = reg(m, EVENTQ_CONS) & (BIT(m->eventq_bits) - 1);

    g_assert_cmpuint(events(m), >, 0);
    return qtest_readq(m->qts, m->eventq + index * 32 + n * 8);
}

/* Software has read all records, and acknowledges an overflow. */
static void drain(Smmu *m)
{
    set_reg(m, EVENTQ_CONS, reg(m, EVENTQ_PROD));
}

/* The only record is of a translation fault of stage 2. */
static void expect_s2_fault(Smmu *m, uint64_t va, unsigned class, uint64_t ipa)
{
    g_assert_cmpuint(events(m), ==, 1);
    g_assert_cmphex(event(m, 0) & 0xff, ==, F_TRANSLATION);
    g_assert_cmphex(event(m, 0) >> 32, ==, SID);
    g_assert_cmphex(extract64(event(m, 1), 39, 1), ==, 1);
    g_assert_cmphex(extract64(event(m, 1), 40, 2), ==, class);
    g_assert_cmphex(event(m, 2), ==, va);
    g_assert_cmphex(event(m, 3), ==, ipa);
}

static void test_both_stages(void)
{
    uint64_t table[3];
    Smmu m;

    start_mapped(&m, table);
    g_assert_true(reaches(&m, m.data));
    g_assert_cmpuint(events(&m), ==, 0);
    qtest_quit(m.qts);
}

/* Stage 2 gives the first table another page; only the TLB is invalidated. */
static void test_first_table_moves(void)
{
    uint64_t table[3], other, data;
    Smmu m;

    start_mapped(&m, table);
    g_assert_true(reaches(&m, m.data));

    data = page(&m);
    other = page(&m);
    s2_map(&m, IPA_DATA + PAGE, data);
    for (int i = 0; i < 3; i++) {
        uint64_t next = page(&m);

        s2_map(&m, IPA_TABLE + (8 + i) * PAGE, next);
        if (i == 0) {
            qtest_writeq(m.qts, other + extract64(VA, 30, 9) * 8,
                         s1_table(IPA_TABLE + 8 * PAGE));
            qtest_writeq(m.qts, next + extract64(VA, 21, 9) * 8,
                         s1_table(IPA_TABLE + 9 * PAGE));
        } else if (i == 1) {
            qtest_writeq(m.qts, next + extract64(VA, 12, 9) * 8,
                         s1_page(IPA_DATA + PAGE));
        }
    }
    s2_map(&m, IPA_TABLE, other);
    command(&m, CMD_NSNH_ALL, 0);
    g_assert_true(reaches(&m, data));

    s2_unmap(&m, IPA_TABLE);
    command(&m, CMD_NSNH_ALL, 0);
    g_assert_false(reaches(&m, data));
    expect_s2_fault(&m, VA, CLASS_TT, IPA_TABLE);
    qtest_quit(m.qts);
}

/* Tables of a 64 KiB granule, on pages of 4 KiB that are not neighbours. */
static void test_large_table(void)
{
    uint64_t ipa[2] = { 0x1000000, 0x1010000 }, pages[2][16];
    Smmu m;

    start(&m, "", 7);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 16; j++) {
            pages[i][j] = lone_page(&m);
            s2_map(&m, ipa[i] + j * PAGE, pages[i][j]);
        }
    }
    /* 42 bits: level 2 has VA[41:29], level 3 VA[28:16]. */
    qtest_writeq(m.qts, pages[0][0] + (VA >> 29) * 8, s1_table(ipa[1]));
    qtest_writeq(m.qts, pages[1][extract64(VA, 16, 13) / 512] +
                 extract64(VA, 16, 9) * 8, s1_page(0x1020000));
    s2_map(&m, 0x1020000 + (VA & 0xf000), m.data);
    set_cd(&m, 22 | (1 << 6), ipa[0]);
    g_assert_cmpuint(extract64(VA, 16, 13) / 512, >, 0);
    g_assert_true(reaches(&m, m.data));
    qtest_quit(m.qts);
}

/* 7.3.13: stage and class of the fault, and the address of the descriptor. */
static void test_fault_of_table(const void *opaque)
{
    unsigned level = GPOINTER_TO_UINT(opaque);
    uint64_t table[3];
    Smmu m;

    start_mapped(&m, table);
    s2_unmap(&m, IPA_TABLE + level * PAGE);
    command(&m, CMD_NSNH_ALL, 0);
    g_assert_false(reaches(&m, m.data));
    expect_s2_fault(&m, VA, CLASS_TT, IPA_TABLE + level * PAGE);
    qtest_quit(m.qts);
}

static void test_fault_of_cd(void)
{
    uint64_t table[3];
    Smmu m;

    start_mapped(&m, table);
    s2_unmap(&m, IPA_CD);
    set_ste(&m, 0);
    g_assert_false(reaches(&m, m.data));
    expect_s2_fault(&m, VA, CLASS_CD, IPA_CD);
    qtest_quit(m.qts);
}

/* The record has the page of the IPA, and all of the input address. */
static void test_fault_of_data(void)
{
    uint64_t table[3];
    Smmu m;

    start_mapped(&m, table);
    s2_unmap(&m, IPA_DATA);
    dma(&m, VA + 0x124, 4, true);
    expect_s2_fault(&m, VA + 0x124, CLASS_IN, IPA_DATA);
    qtest_quit(m.qts);
}

/* A first table that no walk reads may be anywhere. */
static void test_unused_table(void)
{
    uint64_t table[3];
    Smmu m;

    start_mapped(&m, table);
    /* TTB1 is on: T1SZ 25, 4 KiB; it is not in stage 2. */
    qtest_writeq(m.qts, m.cd + 16, 0x7f000000);
    qtest_writeq(m.qts, m.cd, (qtest_readq(m.qts, m.cd) & ~BIT_ULL(30)) |
                 (25ull << 16) | (2ull << 22));
    set_ste(&m, 0);
    g_assert_true(reaches(&m, m.data));
    g_assert_cmpuint(events(&m), ==, 0);
    qtest_quit(m.qts);
}

static void test_merge(void)
{
    uint64_t table[3];
    Smmu m;

    start_mapped(&m, table);
    set_ste(&m, MEV);
    dma(&m, VA + PAGE, 4096, true);
    g_assert_cmpuint(events(&m), ==, 1);
    /* Another page, another kind of access */
    dma(&m, VA + 2 * PAGE, 64, true);
    g_assert_cmpuint(events(&m), ==, 2);
    dma(&m, VA + 2 * PAGE, 64, false);
    g_assert_cmpuint(events(&m), ==, 3);
    /* What has been read stands for nothing that comes later. */
    drain(&m);
    dma(&m, VA + 2 * PAGE, 64, false);
    g_assert_cmpuint(events(&m), ==, 1);

    drain(&m);
    set_ste(&m, 0);
    dma(&m, VA + PAGE, 64, true);
    g_assert_cmpuint(events(&m), >, 1);
    qtest_quit(m.qts);
}

/* An entry that is not valid cannot say whether: such events may be merged. */
static void test_merge_without_ste(void)
{
    Smmu m;

    start(&m, "", 7);
    qtest_writeq(m.qts, m.ste, 0);
    command(&m, CMD_CFGI_STE | ((uint64_t)SID << 32), 1);
    dma(&m, VA, 64, true);
    g_assert_cmpuint(events(&m), ==, 1);
    g_assert_cmphex(event(&m, 0) & 0xff, ==, 0x04);
    qtest_quit(m.qts);
}

/* 7.4: the flag tells, once, until software has acknowledged it. */
static void test_overflow(void)
{
    uint64_t table[3];
    Smmu m;

    start(&m, "-global arm-smmuv3.x-eventq-bits=2", 2);
    g_assert_cmpuint(extract32(reg(&m, IDR1), 16, 5), ==, 2);
    map_va(&m, table);
    dma(&m, VA + PAGE, 256, true);
    g_assert_cmpuint(events(&m), ==, 4);
    g_assert_cmphex(reg(&m, EVENTQ_PROD) & OVERFLOW, ==, OVERFLOW);
    dma(&m, VA + PAGE, 256, true);
    g_assert_cmphex(reg(&m, EVENTQ_PROD) & OVERFLOW, ==, OVERFLOW);
    g_assert_cmphex(reg(&m, GERROR), ==, 0);

    /* The flag is kept while records come in, and toggled by the next loss. */
    drain(&m);
    dma(&m, VA + PAGE, 4, true);
    g_assert_cmpuint(events(&m), ==, 1);
    g_assert_cmphex(reg(&m, EVENTQ_PROD) & OVERFLOW, ==, OVERFLOW);
    dma(&m, VA + PAGE, 256, true);
    g_assert_cmpuint(events(&m), ==, 4);
    g_assert_cmphex(reg(&m, EVENTQ_PROD) & OVERFLOW, ==, 0);
    qtest_quit(m.qts);
}

/* A queue is as long as software says, but not longer than the unit's. */
static void test_queue_size(void)
{
    Smmu m;

    start(&m, "-global arm-smmuv3.x-eventq-bits=2", 2);
    set_reg(&m, EVENTQ_BASE, m.eventq | 6);
    dma(&m, VA, 4, true);
    for (int i = 1; i < 8; i++) {
        dma(&m, VA + i * PAGE, 4, true);
        drain(&m);
    }
    g_assert_cmphex(reg(&m, EVENTQ_PROD) & ~7u, ==, 0);
    qtest_quit(m.qts);
}

static void test_s2fwb(void)
{
    Smmu m;

    start(&m, "", 7);
    g_assert_cmphex(extract32(reg(&m, IDR3), 8, 1), ==, 0);
    qtest_quit(m.qts);
    start(&m, "-global arm-smmuv3.x-s2fwb=on", 7);
    g_assert_cmphex(extract32(reg(&m, IDR3), 8, 1), ==, 1);
    qtest_quit(m.qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/smmuv3/walk/both-stages", test_both_stages);
    qtest_add_func("/smmuv3/walk/first-table-moves", test_first_table_moves);
    qtest_add_func("/smmuv3/walk/large-table", test_large_table);
    qtest_add_func("/smmuv3/walk/unused-table", test_unused_table);
    qtest_add_data_func("/smmuv3/fault/table-1", GUINT_TO_POINTER(0),
                        test_fault_of_table);
    qtest_add_data_func("/smmuv3/fault/table-2", GUINT_TO_POINTER(1),
                        test_fault_of_table);
    qtest_add_data_func("/smmuv3/fault/table-3", GUINT_TO_POINTER(2),
                        test_fault_of_table);
    qtest_add_func("/smmuv3/fault/cd", test_fault_of_cd);
    qtest_add_func("/smmuv3/fault/data", test_fault_of_data);
    qtest_add_func("/smmuv3/event/merge", test_merge);
    qtest_add_func("/smmuv3/event/merge-without-ste", test_merge_without_ste);
    qtest_add_func("/smmuv3/event/overflow", test_overflow);
    qtest_add_func("/smmuv3/event/queue-size", test_queue_size);
    qtest_add_func("/smmuv3/id/s2fwb", test_s2fwb);
    return g_test_run();
}
