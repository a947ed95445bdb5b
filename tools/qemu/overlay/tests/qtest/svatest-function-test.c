/*
 * svatest as a PCI function: capabilities, registers, resets
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define IOVA    ENV_IOVA
#define MISSING (ENV_IOVA + 0x10000)

typedef SvaEnv Env;

/* Capabilities follow the properties. */
typedef struct Caps {
    const char *name;
    const char *dev;
    uint32_t features;
    int ats, pasid;         /* capability registers, -1: no such capability */
    bool pri, acs;
} Caps;

#define FEAT(channels, bits) ((channels) | (bits) << 8 | SVATEST_FEAT_UNIT)
static const Caps caps[] = {
    { "default", "", FEAT(4, 20) | SVATEST_FEAT_ATS | SVATEST_FEAT_PRI |
      SVATEST_FEAT_EXEC | SVATEST_FEAT_PRIV, 0x60, 20 << 8 | 6, true },
    { "narrow", ",channels=8,pasid-bits=5,cap-exec=off,cap-priv=off",
      FEAT(8, 5) | SVATEST_FEAT_ATS | SVATEST_FEAT_PRI, 0x60, 5 << 8, true },
    { "execute", ",channels=1,cap-priv=off",
      FEAT(1, 20) | SVATEST_FEAT_ATS | SVATEST_FEAT_PRI | SVATEST_FEAT_EXEC,
      0x60, 20 << 8 | 2, true },
    { "no-pasid", ",pasid-bits=0", FEAT(4, 0) | SVATEST_FEAT_ATS |
      SVATEST_FEAT_PRI, 0x20, -1, true },
    { "no-global", ",ats-global=off", FEAT(4, 20) | SVATEST_FEAT_ATS |
      SVATEST_FEAT_PRI | SVATEST_FEAT_EXEC | SVATEST_FEAT_PRIV, 0x20,
      20 << 8 | 6, true },
    { "no-requests", ",pri=off,ats-queue-depth=5", FEAT(4, 20) |
      SVATEST_FEAT_ATS | SVATEST_FEAT_EXEC | SVATEST_FEAT_PRIV, 0x65,
      20 << 8 | 6 },
    { "no-ats", ",pri=off,ats=off", FEAT(4, 20) | SVATEST_FEAT_EXEC |
      SVATEST_FEAT_PRIV, -1, 20 << 8 | 6 },
    { "acs", ",multifunction=on,acs=on", FEAT(4, 20) | SVATEST_FEAT_ATS |
      SVATEST_FEAT_PRI | SVATEST_FEAT_EXEC | SVATEST_FEAT_PRIV, 0x60,
      20 << 8 | 6, true, true },
};

static int cap_word(Sva *s, uint16_t id)
{
    unsigned cap = sva_ext_cap(s, SID0, id);

    return cap ? sva_cfg_readw(s, SID0, cap + 4) : -1;
}

static void caps_case(const void *opaque)
{
    const Caps *c = opaque;
    g_autofree char *args = g_strdup_printf(
        SVA_UNIT " -device svatest,addr=4%s", c->dev);
    Sva *s = sva_start(args);
    SvaDev d;

    sva_dev_init(&d, s, SID0);
    g_assert_cmphex(sva_cfg_readl(s, SID0, 0), ==, 0x11f51234);
    g_assert_cmphex(sva_cfg_readl(s, SID0, 8), ==,
                    0x12000000 | SVATEST_VERSION);
    g_assert_cmphex(sva_dev_readl(&d, SVATEST_R_VERSION), ==, SVATEST_VERSION);
    g_assert_cmphex(sva_dev_readl(&d, SVATEST_R_FEATURES), ==, c->features);
    g_assert_cmphex(cap_word(s, CAP_ATS), ==, c->ats);
    g_assert_cmphex(cap_word(s, CAP_PASID), ==, c->pasid);
    g_assert_cmpuint(!!sva_ext_cap(s, SID0, CAP_PRI), ==, c->pri);
    g_assert_cmpuint(!!sva_ext_cap(s, SID0, CAP_ACS), ==, c->acs);
    g_assert_cmpuint(sva_ext_cap(s, SID0, CAP_SRIOV), ==, 0);
    if (c->ats >= 0) {
        /* Enable and the smallest unit can be written. */
        unsigned cap = sva_ext_cap(s, SID0, CAP_ATS);

        sva_cfg_writew(s, SID0, cap + 6, 0xffff);
        g_assert_cmphex(sva_cfg_readw(s, SID0, cap + 6), ==, 0x801f);
    }
    if (c->acs) {
        /* Request redirection and upstream forwarding can be enabled. */
        unsigned cap = sva_ext_cap(s, SID0, CAP_ACS);

        sva_cfg_writew(s, SID0, cap + 6, 0x14);
        g_assert_cmphex(sva_cfg_readw(s, SID0, cap + 6) & 0x14, ==,
                        sva_cfg_readw(s, SID0, cap + 4) & 0x14);
    }
    sva_quit(s);
}

/* Reset values, as the manual has them */

typedef struct ResetValue {
    unsigned reg;
    uint32_t value;
    bool changes;       /* use() gives it another one */
} ResetValue;

static const ResetValue function_reset[] = {
    { SVATEST_R_CONTROL, 0, true },
    { SVATEST_R_STATUS, 0, true },
    { SVATEST_R_ERROR, 0, true },
    { SVATEST_R_INTR_CAUSE, 0, true },
    { SVATEST_R_INTR_MASK, 0, true },
    { SVATEST_R_PASID_STOP, 0, true },
    { SVATEST_R_STOP_STATUS, 0, true },
    { SVATEST_K_INV_IGNORE, 0, true },
    { SVATEST_K_INV_HOLD, 0, true },
    { SVATEST_K_RESP_DROP, 0, true },
    { SVATEST_K_PR_FLAGS, 0, true },
    { SVATEST_K_PASID_XOR, 0, true },
    { SVATEST_K_DEVFN_OFFSET, 0, true },
    { SVATEST_K_LIE, 0, true },
    { SVATEST_K_INV_DONE, 0 },
    { SVATEST_K_SLICE_BYTES, 65536, true },
    { SVATEST_K_SLICE_CMDS, 32, true },
    { SVATEST_K_CLEAR, 0 },
};

static const ResetValue channel_reset[] = {
    { SVATEST_C_FLAGS, 0, true },
    { SVATEST_C_PASID, 0, true },
    { SVATEST_C_RING_BASE, 0, true },
    { SVATEST_C_RING_BASE + 4, 0, true },
    { SVATEST_C_RING_SIZE, 0, true },
    { SVATEST_C_VECTOR, 0, true },
    { SVATEST_C_HEAD_ADDR, 0, true },
    { SVATEST_C_HEAD_ADDR + 4, 0, true },
    { SVATEST_C_PRG_PAGES, 1, true },
    { SVATEST_C_RETRIES, 0, true },
    { SVATEST_C_COALESCE, 0, true },
    { SVATEST_C_TIMEOUT, 0, true },
};

static const ResetValue doorbell_reset[] = {
    { SVATEST_D_TAIL, 0, true },
    { SVATEST_D_HEAD, 0 },
    { SVATEST_D_STATE, SVATEST_STATE_HALTED, true },
    { SVATEST_D_ERROR, SVATEST_ST_NONE, true },
    { SVATEST_D_DESC, 0, true },
    { SVATEST_D_DESC + 60, 0 },
    { SVATEST_D_START, 0 },
    { SVATEST_D_STATUS, 0, true },
    { SVATEST_D_DETAIL, 0, true },
    { SVATEST_D_BYTES, 0 },
    { SVATEST_D_BYTES + 4, 0 },
    { SVATEST_D_RESULT, 0, true },
    { SVATEST_D_RESULT + 4, 0, true },
};

#define CHANNELS 4

static void check_values(SvaDev *d, const ResetValue *v, size_t n,
                         unsigned base, bool used)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t value = sva_dev_readl(d, base + v[i].reg);

        if (!used) {
            g_assert_cmphex(value, ==, v[i].value);
        } else if (v[i].changes) {
            g_assert_cmphex(value, !=, v[i].value);
        }
    }
}

/* Every register has its reset value, or, after use(), another one. */
static void check_registers(SvaDev *d, bool used)
{
    check_values(d, function_reset, ARRAY_SIZE(function_reset), 0, used);
    for (unsigned n = 0; n < CHANNELS; n++) {
        check_values(d, channel_reset, ARRAY_SIZE(channel_reset),
                     SVATEST_R_CHANNEL(n), used);
        check_values(d, doorbell_reset, ARRAY_SIZE(doorbell_reset),
                     SVATEST_R_DOORBELL(n), used);
    }
}

/* Commands that fail, and a ring that goes on failing */
static void use(SvaDev *d)
{
    static const uint32_t set_up[][2] = {
        { SVATEST_C_PASID, SVATEST_CP_VALID | 5 },
        { SVATEST_C_RING_BASE, 64 }, { SVATEST_C_RING_BASE + 4, 1 },
        { SVATEST_C_RING_SIZE, 4 }, { SVATEST_C_VECTOR, 1 },
        { SVATEST_C_HEAD_ADDR, 8 }, { SVATEST_C_HEAD_ADDR + 4, 1 },
        { SVATEST_C_PRG_PAGES, 2 }, { SVATEST_C_RETRIES, 3 },
        { SVATEST_C_COALESCE, 4 }, { SVATEST_C_TIMEOUT, 5 },
        { SVATEST_C_FLAGS, SVATEST_CF_MASK },
    };
    struct svatest_desc desc = {
        .op_flags = SVATEST_OP_READ, .pasid = sva_desc_pasid(5), .length = 8,
        .src = 0x123456789000,
    };

    sva_dev_writel(d, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
    sva_dev_writel(d, SVATEST_R_INTR_MASK, 0x3ff);
    sva_dev_writel(d, SVATEST_R_PASID_STOP, 7);
    for (unsigned n = 0; n < CHANNELS; n++) {
        sva_dev_channel(d, n, SVATEST_C_FLAGS, 0);
        for (size_t i = 0; i < ARRAY_SIZE(set_up); i++) {
            sva_dev_channel(d, n, set_up[i][0], set_up[i][1]);
        }
        sva_dev_channel(d, n, SVATEST_C_TIMEOUT, 0);    /* refused */
        sva_issue_on(d, n, &desc);
        while (!(sva_dev_readl(d, SVATEST_R_DOORBELL(n) + SVATEST_D_STATUS) &
                 SVATEST_IMM_DONE)) {
            continue;
        }
        sva_dev_writel(d, SVATEST_R_DOORBELL(n) + SVATEST_D_TAIL, 9);
    }
    sva_dev_writel(d, SVATEST_K_INV_IGNORE, 1);
    sva_dev_writel(d, SVATEST_K_INV_HOLD, 1);
    sva_dev_writel(d, SVATEST_K_RESP_DROP, 1);
    sva_dev_writel(d, SVATEST_K_PR_FLAGS, SVATEST_KP_PRIV);
    sva_dev_writel(d, SVATEST_K_PASID_XOR, 1);
    sva_dev_writel(d, SVATEST_K_DEVFN_OFFSET, 1);
    sva_dev_writel(d, SVATEST_K_LIE, SVATEST_KL_EARLY);
    sva_dev_writel(d, SVATEST_K_SLICE_BYTES, 1);
    sva_dev_writel(d, SVATEST_K_SLICE_CMDS, 1);
    /* One that is busy */
    sva_dev_channel(d, 0, SVATEST_C_FLAGS, 0);
    sva_dev_channel(d, 0, SVATEST_C_FLAGS, SVATEST_CF_MASK);
    sva_dev_writel(d, SVATEST_R_DOORBELL(0) + SVATEST_D_TAIL, 9);
    desc.op_flags = SVATEST_OP_DELAY;
    desc.imm = SVATEST_DELAY_MAX;
    desc.src = desc.length = 0;
    sva_dev_channel(d, 1, SVATEST_C_FLAGS, 0);
    sva_dev_channel(d, 1, SVATEST_C_FLAGS, SVATEST_CF_MASK);
    sva_dev_writel(d, SVATEST_R_DOORBELL(1) + SVATEST_D_TAIL, 9);
    sva_issue_on(d, 1, &desc);
}

static void reset_case(const void *opaque)
{
    bool flr = GPOINTER_TO_INT(opaque);
    SvaDev d = { .sid = SID0 };

    d.s = sva_start(SVA_MACHINE);
    sva_assign_bars(d.s, SID0, 0x10, d.bar);
    sva_cfg_writew(d.s, SID0, 4, 6);
    check_registers(&d, false);
    for (unsigned i = 0; i < SVATEST_CNT_NUM; i++) {
        /* A write to configuration space is worth a slice. */
        if (i != SVATEST_CNT_SLICES) {
            g_assert_cmpuint(sva_dev_counter(&d, i), ==, 0);
        }
    }
    use(&d);
    check_registers(&d, true);
    g_assert_cmpuint(sva_dev_counter(&d, SVATEST_CNT_COMMANDS), !=, 0);
    if (flr) {
        sva_dev_flr(&d);
    } else {
        sva_dev_writel(&d, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
    }
    check_registers(&d, false);
    g_assert_cmpuint(!sva_dev_counter(&d, SVATEST_CNT_COMMANDS), ==, flr);
    sva_quit(d.s);
}

/* Two functions of a slot, both with the capability that keeps them apart */
static void test_two_functions(void)
{
    Sva *s = sva_start(SVA_UNIT " -device svatest,addr=4.0,acs=on,"
                       "multifunction=on -device svatest,addr=4.1,acs=on");
    SvaDev d;
    int i;

    for (i = 0; i < 2; i++) {
        sva_dev_init(&d, s, SID0 + i);
        g_assert_cmpuint(sva_ext_cap(s, SID0 + i, CAP_ACS), !=, 0);
    }
    sva_quit(s);
}

/* Requests that configuration space does not allow */
static void test_disabled(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start(&e, "", "");
    sva_dev_pasid(&e.d, false);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==,
                     SVATEST_REASON_DISABLED);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    g_assert_true(sva_access(&e.d, NO_PASID, IOVA, A_READ));
    sva_dev_pasid(&e.d, true);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ));
    sva_cfg_writew(e.s, SID0, 4, 2);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    g_assert_false(sva_access(&e.d, NO_PASID, IOVA, A_READ));
    sva_cfg_writew(e.s, SID0, 4, 6);
    sva_dev_ats(&e.d, false);
    r = sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ, 0);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==,
                     SVATEST_REASON_DISABLED);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* Registers of a channel: what they hold, what they refuse */
typedef struct Reg {
    const char *name;
    unsigned reg;
    uint32_t good;
    int64_t bad;        /* -1: takes everything */
} Reg;

static const Reg regs[] = {
    { "pasid", SVATEST_C_PASID, 0xb00fffff, 0x00100000 },
    { "pasid/bit-27", SVATEST_C_PASID, 1, 1 << 27 },
    { "pasid/bit-30", SVATEST_C_PASID, 1, 1 << 30 },
    { "ring-base", SVATEST_C_RING_BASE, 0xfffffc0, 0x20 },
    { "ring-base-high", SVATEST_C_RING_BASE + 4, 0x12345678, -1 },
    { "ring-size", SVATEST_C_RING_SIZE, 16, 17 },
    { "vector", SVATEST_C_VECTOR, 4, 5 },
    { "head", SVATEST_C_HEAD_ADDR, 0x12345678, 4 },
    { "head-high", SVATEST_C_HEAD_ADDR + 4, 0x12345678, -1 },
    { "window", SVATEST_C_PRG_PAGES, 32, 33 },
    { "window-none", SVATEST_C_PRG_PAGES, 1, 0 },
    { "retries", SVATEST_C_RETRIES, UINT32_MAX, -1 },
    { "coalesce", SVATEST_C_COALESCE, UINT32_MAX, -1 },
    { "time-out", SVATEST_C_TIMEOUT, UINT32_MAX, -1 },
    { "flags", SVATEST_C_FLAGS, 0x1e, 0x20 },
    { "unknown", 0x30, 0, 1 },
};

static void reg_case(const void *opaque)
{
    const Reg *r = opaque;
    unsigned at = SVATEST_R_CHANNEL(3) + r->reg;
    Sva *s = sva_start(SVA_MACHINE);
    SvaDev d;

    sva_dev_init(&d, s, SID0);
    if (r->good) {
        sva_dev_writel(&d, at, r->good);
        g_assert_cmphex(sva_dev_errors(&d), ==, 0);
        g_assert_cmphex(sva_dev_readl(&d, at), ==, r->good);
    }
    if (r->bad >= 0) {
        sva_dev_writel(&d, at, r->bad);
        g_assert_cmphex(sva_dev_errors(&d), ==, SVATEST_ERR_CONFIG);
        g_assert_cmphex(sva_dev_readl(&d, at), ==, r->good);
    }
    /* Nothing but "off" while the channel is on; another one is not. */
    sva_dev_channel(&d, 3, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    g_assert_cmphex(sva_dev_errors(&d), ==, 0);
    sva_dev_writel(&d, at, r->reg ? r->good : SVATEST_CF_ENABLE |
                   SVATEST_CF_ATS);
    g_assert_cmphex(sva_dev_errors(&d), ==, SVATEST_ERR_CONFIG);
    sva_dev_writel(&d, SVATEST_R_CHANNEL(2) + r->reg, r->good);
    g_assert_cmphex(sva_dev_errors(&d), ==, r->good ? 0 : SVATEST_ERR_CONFIG);
    g_assert_cmphex(sva_dev_readl(&d, SVATEST_R_CHANNEL(2) + r->reg), ==,
                    r->good);
    /* There is no channel 4. */
    sva_dev_writel(&d, SVATEST_R_CHANNEL(4) + r->reg, r->good);
    g_assert_cmphex(sva_dev_readl(&d, SVATEST_R_CHANNEL(4) + r->reg), ==, 0);
    sva_quit(s);
}

/* What a reset leaves, and what a device that lies about it keeps */
static void dirty(Env *e)
{
    sva_env_start(e, "", ",pm=on");
    sva_dev_pri(&e->d, true);
    g_assert_cmphex(sva_peek(&e->d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    sva_dev_writel(&e->d, SVATEST_K_INV_IGNORE, 3);
    sva_dev_writel(&e->d, SVATEST_K_RESP_DROP, 1);
    sva_dev_writel(&e->d, SVATEST_K_SLICE_BYTES, 77);
    sva_dev_writel(&e->d, SVATEST_K_SLICE_CMDS, 7);
    sva_dev_writel(&e->d, SVATEST_R_INTR_MASK, 1);
    sva_dev_writel(&e->d, SVATEST_R_CHANNEL(2) + SVATEST_C_RETRIES, 5);
    sva_dev_writel(&e->d, SVATEST_R_CHANNEL(2) + SVATEST_C_VECTOR, 99);
    sva_dev_writel(&e->d, SVATEST_R_PASID_STOP, ENV_OTHER);
    /* A command that waits for a page */
    sva_run(&e->d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_CRC, .pasid = sva_desc_pasid(PASID),
        .src = MISSING, .length = 8,
    });
    g_assert_cmpuint(vtd_pq_count(e->s), ==, 1);
    sva_dev_writel(&e->d, SVATEST_K_INV_HOLD, 5);
    sva_dev_writel(&e->d, SVATEST_K_PR_FLAGS, 6);
    sva_dev_writel(&e->d, SVATEST_K_PASID_XOR, 7);
    sva_dev_writel(&e->d, SVATEST_K_DEVFN_OFFSET, 8);
    sva_dev_writel(&e->d, SVATEST_K_LIE, SVATEST_KL_EARLY);
}

static void expect_registers_reset(SvaDev *d)
{
    static const unsigned zero[] = {
        SVATEST_R_CONTROL, SVATEST_R_STATUS, SVATEST_R_ERROR,
        SVATEST_R_INTR_CAUSE, SVATEST_R_INTR_MASK, SVATEST_R_PASID_STOP,
        SVATEST_R_STOP_STATUS, SVATEST_R_CHANNEL(0) + SVATEST_C_FLAGS,
        SVATEST_R_CHANNEL(2) + SVATEST_C_RETRIES,
        SVATEST_R_DOORBELL(0) + SVATEST_D_STATUS,
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(zero); i++) {
        g_assert_cmphex(sva_dev_readl(d, zero[i]), ==, 0);
    }
    g_assert_cmphex(sva_dev_readl(d, SVATEST_R_CHANNEL(0) +
                                  SVATEST_C_PRG_PAGES), ==, 1);
    g_assert_cmphex(sva_dev_state(d, 0), ==, SVATEST_STATE_HALTED);
}

static void expect_knobs(SvaDev *d, bool kept)
{
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_INV_IGNORE), ==, kept ? 3 : 0);
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_INV_HOLD), ==, kept ? 5 : 0);
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_RESP_DROP), ==, kept);
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_PR_FLAGS), ==, kept ? 6 : 0);
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_PASID_XOR), ==, kept ? 7 : 0);
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_DEVFN_OFFSET), ==,
                     kept ? 8 : 0);
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_LIE), ==,
                     kept ? SVATEST_KL_KEEP_FLR : 0);
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_SLICE_BYTES), ==,
                     kept ? 77 : 65536);
    g_assert_cmpuint(sva_dev_readl(d, SVATEST_K_SLICE_CMDS), ==,
                     kept ? 7 : 32);
}

static uint64_t cached(Env *e)
{
    sva_dev_start(&e->d);
    return sva_run(&e->d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_ATC_DUMP,
    }).result;
}

/* Without No_Soft_Reset in D3hot the way back is one as well. */
static void function_reset_case(const void *opaque)
{
    bool sleep = GPOINTER_TO_INT(opaque);
    unsigned pri;
    Env e = { };

    dirty(&e);
    if (sleep) {
        sva_dev_sleep(&e.d);
    } else {
        sva_dev_flr(&e.d);
    }
    expect_registers_reset(&e.d);
    expect_knobs(&e.d, false);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_COMMANDS), ==, 0);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, sva_ext_cap(e.s, SID0, CAP_ATS) +
                                  6), ==, 0);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, sva_ext_cap(e.s, SID0,
                                                         CAP_PASID) + 6), ==,
                    0);
    pri = sva_ext_cap(e.s, SID0, CAP_PRI);
    g_assert_cmphex(sva_cfg_readl(e.s, SID0, pri + 4), ==, 0x81000000);
    g_assert_cmpuint(sva_cfg_readl(e.s, SID0, pri + 12), ==, 0);
    g_assert_cmpuint(cached(&e), ==, 0);
    /* Nobody waits for the response any more. */
    vtd_iq(e.s, vtd_resp_q0(SID0, PASID, 0), vtd_resp_q1(0));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_UPRGI);
    /* It works again. */
    sva_dev_pasid(&e.d, true);
    sva_dev_ats(&e.d, true);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    sva_quit(e.s);
}

static void test_flr_lie(void)
{
    Env e = { };

    dirty(&e);
    sva_dev_writel(&e.d, SVATEST_K_LIE, SVATEST_KL_KEEP_FLR);
    sva_dev_flr(&e.d);
    expect_registers_reset(&e.d);
    expect_knobs(&e.d, true);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_COMMANDS), !=, 0);
    g_assert_cmpuint(cached(&e), ==, 1);
    sva_quit(e.s);
}

/* CTRL_RESET leaves configuration space, groups and counters alone. */
static void test_soft_reset(void)
{
    Env e = { };

    dirty(&e);
    sva_dev_writel(&e.d, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
    expect_registers_reset(&e.d);
    expect_knobs(&e.d, false);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_COMMANDS), !=, 0);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, sva_ext_cap(e.s, SID0, CAP_ATS) +
                                  6), ==, 0x8000);
    g_assert_cmpuint(cached(&e), ==, 0);
    vtd_iq(e.s, vtd_resp_q0(SID0, PASID, 0), vtd_resp_q1(0));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_RESP_SUCCESS), ==, 1);
    sva_quit(e.s);
}

static void test_soft_reset_lie(void)
{
    Env e = { };

    dirty(&e);
    sva_dev_writel(&e.d, SVATEST_K_LIE, SVATEST_KL_KEEP_FLR);
    sva_dev_writel(&e.d, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
    expect_registers_reset(&e.d);
    expect_knobs(&e.d, true);
    g_assert_cmpuint(cached(&e), ==, 1);
    sva_quit(e.s);
}

/* Held acknowledgements are lost by a reset of the function. */
static void test_flr_held(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, 100);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    g_assert_false(vtd_wait(e.s));
    sva_dev_flr(&e.d);
    qtest_clock_step(e.s->qts, 200 * 1000);
    g_assert_false(vtd_wait_done(e.s));
    qtest_clock_step(e.s->qts, 1000ll * 1000 * 1000);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, FSTS_ITE);
    sva_quit(e.s);
}

/* Disabling a channel ends its command; the abort bit ends all of them. */
static void abort_case(const void *opaque)
{
    bool all = GPOINTER_TO_INT(opaque);
    Env e = { };

    sva_env_start(&e, "", "");
    sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_DELAY, .imm = 1000,
    });
    sva_dev_channel(&e.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    if (all) {
        sva_dev_writel(&e.d, SVATEST_R_CONTROL,
                       SVATEST_CTRL_ENABLE | SVATEST_CTRL_ABORT);
    } else {
        sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS, 0);
    }
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(0) +
                                  SVATEST_D_STATUS), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_ABORTED);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(0) +
                                  SVATEST_D_ERROR), ==, SVATEST_ST_ABORTED);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_COMMANDS), ==, 1);
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, all ? SVATEST_STATE_IDLE :
                    SVATEST_STATE_HALTED);
    g_assert_cmphex(sva_dev_state(&e.d, 1), ==, SVATEST_STATE_IDLE);
    /* The next one does not wait for what was to come. */
    if (!all) {
        sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                        SVATEST_CF_TRUSTED);
    }
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ));
    sva_quit(e.s);
}

/* A start while the command before runs is ignored. */
static void test_start_twice(void)
{
    struct svatest_desc delay = { .op_flags = SVATEST_OP_DELAY, .imm = 10 };
    Env e = { };

    sva_env_start(&e, "", "");
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    sva_issue(&e.d, &delay);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(0) +
                                  SVATEST_D_STATUS), ==, SVATEST_IMM_BUSY);
    sva_dev_writel(&e.d, SVATEST_R_DOORBELL(0) + SVATEST_D_START, 1);
    qtest_clock_step(e.s->qts, 10 * 1000);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    qtest_clock_step(e.s->qts, 10 * 1000);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_COMMANDS), ==, 1);
    sva_quit(e.s);
}

/* Flags written as they are do nothing to a command that runs. */
static void test_flags_again(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_DELAY, .imm = 1000,
    });
    sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS,
                    sva_dev_readl(&e.d, SVATEST_R_CHANNEL(0)));
    sva_dev_writel(&e.d, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    qtest_clock_step(e.s->qts, 1000 * 1000);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

/* Nothing runs, so there is nothing to abort. */
static void test_abort_idle(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    sva_dev_writel(&e.d, SVATEST_R_CONTROL,
                   SVATEST_CTRL_ENABLE | SVATEST_CTRL_ABORT);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_COMMANDS), ==, 0);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(0) +
                                  SVATEST_D_ERROR), ==, 0);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(0) +
                                  SVATEST_D_STATUS), ==, 0);
    /* What ended before stays as it is; a start is another matter. */
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ));
    sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS, 0);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    sva_dev_writel(&e.d, SVATEST_R_DOORBELL(0) + SVATEST_D_START, 1);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_ABORTED);
    sva_quit(e.s);
}

/* The descriptor can be read back, and 1 starts it. */
static void test_descriptor(void)
{
    struct svatest_desc fill = {
        .op_flags = SVATEST_OP_FILL, .pasid = sva_desc_pasid(PASID),
        .dst = IOVA, .length = 8,
    };
    unsigned at = SVATEST_R_DOORBELL(1) + SVATEST_D_DESC;
    Env e = { };
    unsigned i;

    sva_env_start(&e, "", "");
    for (i = 0; i < 64; i += 4) {
        sva_dev_writel(&e.d, at + i, i + 1);
    }
    for (i = 0; i < 64; i += 4) {
        g_assert_cmphex(sva_dev_readl(&e.d, at + i), ==, i + 1);
    }
    g_assert_cmphex(sva_dev_readl(&e.d, at + 64), ==, 0);
    g_assert_cmphex(sva_dev_readl(&e.d, at - 4), ==, 0);
    qtest_memwrite(e.s->qts, e.d.bar[0] + SVATEST_R_DOORBELL(0) +
                   SVATEST_D_DESC, &fill, sizeof(fill));
    sva_dev_writel(&e.d, SVATEST_R_DOORBELL(0) + SVATEST_D_START, 2);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(0) +
                                  SVATEST_D_STATUS), ==, 0);
    /* It runs though nobody asks for its status. */
    sva_dev_writel(&e.d, SVATEST_R_DOORBELL(0) + SVATEST_D_START, 1);
    qtest_clock_step(e.s->qts, 1000);
    g_assert_cmphex(sva_read64(e.s, e.old), ==, 0);
    sva_quit(e.s);
}

/* A reset touches no register of a capability that is not there. */
static void test_reset_bare(void)
{
    Sva *s = sva_start(SVA_UNIT " -device svatest,addr=4,ats=off,pri=off,"
                       "pasid-bits=0");
    SvaDev d;

    /* Status: a list of capabilities, no more. Another reset came before. */
    g_assert_cmphex(sva_cfg_readw(s, SID0, 6), ==, 0x10);
    sva_dev_init(&d, s, SID0);
    sva_dev_flr(&d);
    g_assert_cmphex(sva_cfg_readw(s, SID0, 6), ==, 0x10);
    g_assert_cmphex(sva_cfg_readl(s, SID0, 0), ==, 0x11f51234);
    sva_quit(s);
}

/* No interface for page requests: none is sent, and no response is expected. */
static void test_no_requests(void)
{
    uint16_t status;
    Env e = { };
    SvaResult r;

    sva_env_start(&e, "", ",pri=off");
    sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS, 0);
    sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                    SVATEST_CF_TRUSTED | SVATEST_CF_ATS | SVATEST_CF_PRI);
    sva_cfg_writew(e.s, SID0, 4, 7);
    r = sva_env_touch(&e, MISSING, 1, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==,
                     SVATEST_REASON_DISABLED);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    status = sva_cfg_readw(e.s, SID0, 6);
    vtd_iq(e.s, vtd_resp_q0(SID0, PASID, 0), vtd_resp_q1(0));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_UPRGI);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, 6), ==, status);
    sva_quit(e.s);
}

/* A fence waits for the other channels, unless they wait for it as well. */
static void fence_case(const void *opaque)
{
    bool flag = GPOINTER_TO_INT(opaque);
    struct svatest_desc delay = { .op_flags = SVATEST_OP_DELAY, .imm = 50 };
    struct svatest_desc fence = {
        .op_flags = flag ? SVATEST_OP_NOP | SVATEST_F_FENCE : SVATEST_OP_FENCE,
    };
    Env e = { };
    int i;

    sva_env_start(&e, "", "");
    for (i = 1; i < 3; i++) {
        sva_dev_channel(&e.d, i, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
        sva_issue_on(&e.d, i, i == 1 ? &delay : &fence);
    }
    g_assert_cmphex(sva_run(&e.d, &fence).status, ==, SVATEST_ST_NONE);
    qtest_clock_step(e.s->qts, 50 * 1000);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(2) +
                                  SVATEST_D_STATUS), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_OK);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/svatest/function/" name, fn)
    SVA_ADD_TABLE("function/capabilities", caps, caps_case);
    SVA_ADD_TABLE("function/channel", regs, reg_case);
    qtest_add_data_func("/svatest/function/reset-values/function",
                        GINT_TO_POINTER(true), reset_case);
    qtest_add_data_func("/svatest/function/reset-values/control",
                        GINT_TO_POINTER(false), reset_case);
    ADD("two", test_two_functions);
    ADD("disabled", test_disabled);
    qtest_add_data_func("/svatest/function/reset/function",
                        GINT_TO_POINTER(false), function_reset_case);
    qtest_add_data_func("/svatest/function/reset/sleep",
                        GINT_TO_POINTER(true), function_reset_case);
    ADD("reset/function-lie", test_flr_lie);
    ADD("reset/function-held", test_flr_held);
    ADD("reset/soft", test_soft_reset);
    ADD("reset/soft-lie", test_soft_reset_lie);
    qtest_add_data_func("/svatest/function/abort/channel",
                        GINT_TO_POINTER(false), abort_case);
    qtest_add_data_func("/svatest/function/abort/all", GINT_TO_POINTER(true),
                        abort_case);
    ADD("start-twice", test_start_twice);
    ADD("flags-again", test_flags_again);
    ADD("abort-idle", test_abort_idle);
    ADD("no-requests", test_no_requests);
    ADD("descriptor", test_descriptor);
    ADD("reset/bare", test_reset_bare);
    qtest_add_data_func("/svatest/function/fence/operation",
                        GINT_TO_POINTER(false), fence_case);
    qtest_add_data_func("/svatest/function/fence/flag", GINT_TO_POINTER(true),
                        fence_case);
    return g_test_run();
}
