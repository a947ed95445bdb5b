/*
 * Bare-metal driver of svatest for its qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define CHANNEL         SVATEST_R_CHANNEL(0)
#define DOORBELL        SVATEST_R_DOORBELL(0)
#define POLLS           200     /* a command of ours takes one or two */

uint32_t sva_dev_readl(SvaDev *d, unsigned reg)
{
    return qtest_readl(d->s->qts, d->bar[SVATEST_BAR_REGS] + reg);
}

void sva_dev_writel(SvaDev *d, unsigned reg, uint32_t value)
{
    qtest_writel(d->s->qts, d->bar[SVATEST_BAR_REGS] + reg, value);
}

uint64_t sva_dev_counter(SvaDev *d, unsigned which)
{
    unsigned reg = SVATEST_R_COUNTER(which);
    uint64_t low = sva_dev_readl(d, reg);

    return low | (uint64_t)sva_dev_readl(d, reg + 4) << 32;
}

/** sva_dev_errors: what went wrong since this was asked last */
uint32_t sva_dev_errors(SvaDev *d)
{
    uint32_t bits = sva_dev_readl(d, SVATEST_R_ERROR);

    sva_dev_writel(d, SVATEST_R_ERROR, bits);
    return bits;
}

static void set_channel(SvaDev *d, uint32_t flags)
{
    sva_dev_writel(d, CHANNEL + SVATEST_C_FLAGS, 0);
    sva_dev_writel(d, CHANNEL + SVATEST_C_FLAGS,
                   SVATEST_CF_ENABLE | SVATEST_CF_TRUSTED | flags);
}

/** sva_dev_start: enable the function and its channel 0, BARs are placed */
void sva_dev_start(SvaDev *d)
{
    sva_cfg_writew(d->s, d->sid, 0x04, 6);
    g_assert_cmphex(sva_dev_readl(d, SVATEST_R_MAGIC), ==, SVATEST_MAGIC);
    sva_dev_writel(d, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
    set_channel(d, 0);
}

/** sva_dev_init: place the BARs and start the function */
void sva_dev_init(SvaDev *d, Sva *s, uint16_t bdf)
{
    d->s = s;
    d->sid = bdf;
    sva_assign_bars(s, bdf, 0x10, d->bar);
    sva_dev_start(d);
}

/** sva_dev_channel: write a register of the set-up of a channel */
void sva_dev_channel(SvaDev *d, unsigned n, unsigned reg, uint32_t value)
{
    sva_dev_writel(d, SVATEST_R_CHANNEL(n) + reg, value);
}

uint32_t sva_dev_state(SvaDev *d, unsigned n)
{
    return sva_dev_readl(d, SVATEST_R_DOORBELL(n) + SVATEST_D_STATE);
}

/** sva_dev_msix: give vector n of the function the interrupt @first + n */
void sva_dev_msix(SvaDev *d, unsigned first)
{
    unsigned cap = sva_cap(d->s, d->sid, CAP_MSIX);
    unsigned n, count;

    g_assert_cmpuint(cap, !=, 0);
    count = (sva_cfg_readw(d->s, d->sid, cap + 2) & 0x7ff) + 1;
    for (n = 0; n < count; n++) {
        uint64_t at = d->bar[SVATEST_BAR_MSIX] + n * 16;

        qtest_writel(d->s->qts, at, 0xfee00000);
        qtest_writel(d->s->qts, at + 4, 0);
        qtest_writel(d->s->qts, at + 8, first + n);
        qtest_writel(d->s->qts, at + 12, 0);
    }
    sva_cfg_writew(d->s, d->sid, cap + 2, 0x8000);
}

/* Reset the function by a write to configuration space, keep memory space. */
static void reset_by_config(SvaDev *d, unsigned at, uint16_t value)
{
    uint64_t bar[6];
    int i;

    memcpy(bar, d->bar, sizeof(bar));
    sva_cfg_writew(d->s, d->sid, at, value);
    for (i = 0; i < 6; i += 2) {
        sva_cfg_writel(d->s, d->sid, 0x10 + i * 4, bar[i]);
        sva_cfg_writel(d->s, d->sid, 0x14 + i * 4, bar[i] >> 32);
    }
    sva_cfg_writew(d->s, d->sid, 0x04, 6);
}

/** sva_dev_flr: function level reset; memory space stays enabled */
void sva_dev_flr(SvaDev *d)
{
    reset_by_config(d, sva_cap(d->s, d->sid, CAP_PCIE) + 8, 0x8000);
}

/** sva_dev_sleep: to D3hot, where there are no registers, and back */
void sva_dev_sleep(SvaDev *d)
{
    unsigned cap = sva_cap(d->s, d->sid, CAP_PM);

    g_assert_cmpuint(cap, !=, 0);
    sva_cfg_writew(d->s, d->sid, cap + 4, 3);
    g_assert_cmphex(sva_dev_readl(d, SVATEST_R_MAGIC), !=, SVATEST_MAGIC);
    reset_by_config(d, cap + 4, 0);
    g_assert_cmphex(sva_cfg_readw(d->s, d->sid, cap + 4) & 3, ==, 0);
}

void sva_dev_pasid(SvaDev *d, bool on)
{
    unsigned cap = sva_ext_cap(d->s, d->sid, CAP_PASID);

    g_assert_cmpuint(cap, !=, 0);
    /* execute and privileged as far as the function has them */
    sva_cfg_writew(d->s, d->sid, cap + 6,
                   on ? 1 | (sva_cfg_readw(d->s, d->sid, cap + 4) & 6) : 0);
}

void sva_dev_ats(SvaDev *d, bool on)
{
    unsigned cap = sva_ext_cap(d->s, d->sid, CAP_ATS);

    g_assert_cmpuint(cap, !=, 0);
    sva_cfg_writew(d->s, d->sid, cap + 6, on ? ATS_ENABLE : 0);
    set_channel(d, on ? SVATEST_CF_ATS : 0);
}

/* Needs ATS on */
void sva_dev_pri(SvaDev *d, bool on)
{
    unsigned cap = sva_ext_cap(d->s, d->sid, CAP_PRI);

    g_assert_cmpuint(cap, !=, 0);
    if (on) {
        sva_cfg_writel(d->s, d->sid, cap + 0xc,
                       sva_cfg_readl(d->s, d->sid, cap + 8));
    }
    sva_cfg_writew(d->s, d->sid, cap + 4, on);
    set_channel(d, SVATEST_CF_ATS | (on ? SVATEST_CF_PRI : 0));
}

static unsigned pri_reg(SvaDev *d, unsigned offset)
{
    return sva_ext_cap(d->s, d->sid, CAP_PRI) + offset;
}

/* Registers of the page request interface */
void sva_pri_control(SvaDev *d, uint16_t value)
{
    sva_cfg_writew(d->s, d->sid, pri_reg(d, 4), value);
}

uint16_t sva_pri_status(SvaDev *d)
{
    return sva_cfg_readw(d->s, d->sid, pri_reg(d, 6));
}

void sva_pri_set_status(SvaDev *d, uint16_t value)
{
    sva_cfg_writew(d->s, d->sid, pri_reg(d, 6), value);
}

void sva_pri_allocate(SvaDev *d, uint32_t value)
{
    sva_cfg_writel(d->s, d->sid, pri_reg(d, 12), value);
}

/** sva_issue_on: start an immediate command on a channel */
void sva_issue_on(SvaDev *d, unsigned n, const struct svatest_desc *desc)
{
    unsigned bell = SVATEST_R_DOORBELL(n);

    qtest_memwrite(d->s->qts, d->bar[SVATEST_BAR_REGS] + bell +
                   SVATEST_D_DESC, desc, sizeof(*desc));
    sva_dev_writel(d, bell + SVATEST_D_START, 1);
}

/** sva_issue: start one on channel 0 */
void sva_issue(SvaDev *d, const struct svatest_desc *desc)
{
    sva_issue_on(d, 0, desc);
}

/** sva_result: wait for its end as long as the device has anything to do */
SvaResult sva_result(SvaDev *d)
{
    SvaResult r = { };
    int i;

    for (i = 0; i < POLLS; i++) {
        uint32_t status = sva_dev_readl(d, DOORBELL + SVATEST_D_STATUS);

        if (status & SVATEST_IMM_DONE) {
            r.status = SVATEST_IMM_STATUS(status);
            r.detail = sva_dev_readl(d, DOORBELL + SVATEST_D_DETAIL);
            r.bytes = sva_dev_readl(d, DOORBELL + SVATEST_D_BYTES);
            r.result = sva_dev_readl(d, DOORBELL + SVATEST_D_RESULT) |
                (uint64_t)sva_dev_readl(d, DOORBELL + SVATEST_D_RESULT + 4)
                << 32;
            break;
        }
        if (sva_dev_readl(d, DOORBELL + SVATEST_D_STATE) ==
            SVATEST_STATE_WAIT_PRG) {
            break;
        }
    }
    return r;
}

SvaResult sva_run(SvaDev *d, const struct svatest_desc *desc)
{
    sva_issue(d, desc);
    return sva_result(d);
}

uint32_t sva_desc_pasid(uint32_t pasid)
{
    return pasid == NO_PASID ? 0 : SVATEST_DP_VALID | pasid;
}

/**
 * sva_access: one access of 8 bytes
 *
 * Returns: whether it reached memory.
 */
bool sva_access(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned how)
{
    struct svatest_desc desc = {
        .pasid = sva_desc_pasid(pasid),
        .length = 8,
    };
    SvaResult r;

    if (how & A_ATOMIC) {
        desc.op_flags = SVATEST_OP_ATOMIC;
        desc.dst = addr;
        desc.imm = 1;
        desc.aux = SVATEST_ATOMIC_ADD;
    } else if (how & A_WRITE) {
        desc.op_flags = SVATEST_OP_WRITE;
        desc.src = 64;
        desc.dst = addr;
    } else {
        desc.op_flags = SVATEST_OP_READ;
        desc.src = addr;
    }
    desc.op_flags |= (how & A_ATS ? 0 : how & A_RAW ? SVATEST_F_TRANSLATED :
                      SVATEST_F_UNTRANSLATED) |
                     (how & A_PRIV ? SVATEST_F_PRIV : 0) |
                     (how & A_EXEC ? SVATEST_F_EXEC : 0);
    r = sva_run(d, &desc);
    if (r.status == SVATEST_ST_OK) {
        return true;
    }
    g_assert_cmphex(r.status, ==, how & A_ATS ? SVATEST_ST_NO_RIGHT :
                    SVATEST_ST_ACCESS);
    g_assert_cmphex(r.result, ==, addr);
    return false;
}

/** sva_peek: what the device reads at an address */
uint64_t sva_peek(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned how)
{
    if (!sva_access(d, pasid, addr, (how & ~A_WRITE) | A_READ)) {
        SvaFault f;

        if (vtd_fault_next(d->s, &f)) {
            g_test_message("read of 0x%" PRIx64 " faulted: 0x%x", addr,
                           f.reason);
        }
        g_assert_not_reached();
    }
    return qtest_readq(d->s->qts, d->bar[SVATEST_BAR_MEM]);
}

/** sva_ats_again: disable ATS and enable it, as after an Unsupported Request */
void sva_ats_again(SvaDev *d)
{
    unsigned reg = sva_ext_cap(d->s, d->sid, CAP_ATS) + 6;
    uint16_t control = sva_cfg_readw(d->s, d->sid, reg);

    sva_cfg_writew(d->s, d->sid, reg, control & ~ATS_ENABLE);
    sva_cfg_writew(d->s, d->sid, reg, control);
}

/**
 * sva_xlate: one translation request; @aux are the wanted rights
 *
 * It does not matter to the next one that this one was unsupported.
 */
SvaResult sva_xlate(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned aux,
                    uint32_t flags)
{
    SvaResult r = sva_run(d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_XLATE | flags,
        .pasid = sva_desc_pasid(pasid), .src = addr, .aux = aux,
    });

    if (r.status == SVATEST_ST_ACCESS &&
        SVATEST_DET_REASON(r.detail) == SVATEST_REASON_UR) {
        sva_ats_again(d);
    }
    return r;
}

/** sva_page_request: raw page request messages */
void sva_page_request(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned count,
                      uint64_t aux)
{
    SvaResult r = sva_run(d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(pasid),
        .src = addr, .length = count, .aux = aux,
    });

    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
}

/** sva_env_map: a zeroed page at @iova of the environment's table */
uint64_t sva_env_map(SvaEnv *e, uint64_t iova)
{
    uint64_t page = sva_page(e->s);

    vtd_map(&e->fs, iova, page, FS_ALL, 1);
    return page;
}

/**
 * sva_env_start: start a machine and set everything up
 *
 * @unit, @dev: more properties of the unit and of the device, after a comma
 */
void sva_env_start(SvaEnv *e, const char *unit, const char *dev)
{
    g_autofree char *args = g_strdup_printf(
        SVA_UNIT "%s -device svatest,id=t0,addr=4%s "
        "-device svatest,id=t1,addr=5", unit, dev);

    e->s = sva_start(args);
    sva_dev_init(&e->d, e->s, SID0);
    sva_dev_pasid(&e->d, true);
    sva_dev_ats(&e->d, true);
    vtd_table(&e->fs, e->s, false, 4, NULL);
    e->old = sva_page(e->s);
    e->new = sva_page(e->s);
    sva_write64(e->s, e->old, ENV_OLD);
    sva_write64(e->s, e->new, ENV_NEW);
    e->leaf = vtd_map(&e->fs, ENV_IOVA, e->old, FS_ALL, 1);
    e->entry = vtd_entry_first(&e->fs, ENV_DID);
    vtd_context(e->s, SID0, CTX_ALL);
    vtd_bind(e->s, SID0, ENV_PASID, &e->entry);
    vtd_bind(e->s, SID0, ENV_OTHER, &e->entry);
    vtd_bind(e->s, SID0, 0, &e->entry);
    vtd_pq_init(e->s, 0);
    vtd_enable(e->s);
}

/** sva_env_start_pri: the same with page requests on and counters at zero */
void sva_env_start_pri(SvaEnv *e, const char *unit)
{
    sva_env_start(e, unit, "");
    sva_dev_pri(&e->d, true);
    sva_dev_writel(&e->d, SVATEST_K_CLEAR, 1);
}

uint64_t sva_env_count(SvaEnv *e, unsigned which)
{
    return sva_dev_counter(&e->d, which);
}

/** sva_env_run: an immediate command of ENV_PASID */
SvaResult sva_env_run(SvaEnv *e, struct svatest_desc desc)
{
    desc.pasid = sva_desc_pasid(ENV_PASID);
    return sva_run(&e->d, &desc);
}

/** sva_env_touch: read one byte of each page from @addr on */
SvaResult sva_env_touch(SvaEnv *e, uint64_t addr, unsigned pages,
                        uint32_t flags)
{
    return sva_env_run(e, (struct svatest_desc) {
        .op_flags = SVATEST_OP_TOUCH | flags, .dst = addr,
        .length = pages * KiB4, .imm2 = KiB4,
    });
}

/**
 * sva_env_request: take a page request of ENV_PASID, to read, off the queue
 *
 * Returns: its group index.
 */
unsigned sva_env_request(SvaEnv *e, uint64_t addr, bool last)
{
    uint64_t d[4];

    g_assert_true(vtd_pq_next(e->s, d));
    g_assert_cmphex(d[0], ==, 1 | 1 << 8 | SID0 << 16 |
                    (uint64_t)ENV_PASID << 32);
    g_assert_cmphex(d[1] & ~0xfffull, ==, addr);
    g_assert_cmpuint(d[1] & 3, ==, 1);
    g_assert_cmpuint((d[1] >> 2) & 1, ==, last);
    return (d[1] >> 3) & 0x1ff;
}

/** sva_env_respond: answer a group of ENV_PASID */
void sva_env_respond(SvaEnv *e, unsigned prgi, unsigned code)
{
    vtd_iq(e->s, vtd_resp_q0(SID0, ENV_PASID, code), vtd_resp_q1(prgi));
    g_assert_true(vtd_wait(e->s));
}

/** sva_garbage: mostly words with few bits, as wrong fields are */
uint64_t sva_garbage(Sva *s, GRand *rand)
{
    uint64_t any = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

    switch (g_rand_int_range(rand, 0, 4)) {
    case 0:
        return any;
    case 1:
        return 1ull << (any % 64);
    case 2:
        return s->brk - any % 32 * KiB4 + (any >> 5) % 32;
    default:
        return any & any >> 17 & any << 23;
    }
}

/* Cases of garbage, each from a seed that it is told */
void sva_add_seeds(const char *name, void (*fn)(const void *opaque))
{
    for (unsigned seed = 1; seed <= 4; seed++) {
        g_autofree char *path = g_strdup_printf("/svatest/%s/%u", name, seed);

        qtest_add_data_func(path, GUINT_TO_POINTER(seed), fn);
    }
}
