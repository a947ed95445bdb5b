/*
 * svatest: the translation cache, stale translations, and every way to make
 * the device misbehave
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define OTHER   ENV_OTHER
#define IOVA    ENV_IOVA
#define MISSING (ENV_IOVA + 0x10000)

typedef SvaEnv Env;

/* The translation cache */

static void test_capacity(void)
{
    Env e = { };
    int i;

    sva_env_start(&e, "", ",atc-entries=4");
    for (i = 1; i < 5; i++) {
        sva_env_map(&e, IOVA + i * KiB4);
    }
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    for (i = 0; i < 5; i++) {
        g_assert_true(sva_access(&e.d, PASID, IOVA + i * KiB4,
                                 A_READ | A_ATS));
    }
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 5);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_EVICTIONS), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_HITS), ==, 0);
    /* The oldest went, the others are there. */
    g_assert_true(sva_access(&e.d, PASID, IOVA + KiB4, A_READ | A_ATS));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_HITS), ==, 1);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ | A_ATS));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 6);
    sva_quit(e.s);
}

/* One request brings in eight pages of what is still to be done. */
static void test_read_ahead(void)
{
    Env e = { };
    int i;

    sva_env_start_pri(&e, "");
    for (i = 0; i < 20; i++) {
        sva_env_map(&e, MISSING + i * KiB4);
    }
    g_assert_cmphex(sva_env_touch(&e, MISSING, 20, 0).status, ==,
                    SVATEST_ST_OK);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_TRANSLATIONS), ==, 3);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 3);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_HITS), ==, 17);
    sva_quit(e.s);
}

/* A hit without the right is a miss; what comes back replaces it. */
static void test_upgrade(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_clear_bits(e.s, e.leaf, FS_RW);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    sva_set_bits(e.s, e.leaf, FS_RW);
    vtd_iq(e.s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    g_assert_true(vtd_wait(e.s));
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE | A_ATS));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 2);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ | A_ATS));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 2);
    g_assert_cmpuint(sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_ATC_DUMP,
    }).result, ==, 1);
    sva_quit(e.s);
}

/* Counted only with x-check-stale, and only when the page is another one */
static void stale_case(const void *opaque)
{
    bool cached = GPOINTER_TO_INT(opaque);
    unsigned how = cached ? A_ATS : 0;
    unsigned which = cached ? SVATEST_CNT_ATC_STALE : SVATEST_CNT_UNIT_STALE;
    Env e = { };

    sva_env_start(&e, ",x-check-stale=on", "");
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, how), ==, ENV_OLD);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, how), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_UNIT_STALE), ==, 0);
    sva_write64(e.s, e.leaf, e.new | FS_ALL | FS_A | FS_D);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, how), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, which), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_UNIT_STALE), ==, 1);
    sva_write64(e.s, e.leaf, e.old | FS_ALL | FS_A | FS_D);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, how), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, which), ==, 1);
    /* A right that is gone, a structure that is gone */
    sva_clear_bits(e.s, e.leaf, FS_US);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, how), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, which), ==, 2);
    sva_set_bits(e.s, e.leaf, FS_US);
    vtd_unbind(e.s, SID0, PASID);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, how), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, which), ==, 3);
    vtd_bind(e.s, SID0, PASID, &e.entry);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, how), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, which), ==, 3);
    sva_clear_bits(e.s, vtd_context_at(e.s, SID0), CTX_PASIDE);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, how), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, which), ==, 4);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* What is compared with is memory, not the walk cache. */
static void test_stale_table(void)
{
    uint64_t table;
    Env e = { };

    sva_env_start(&e, ",x-check-stale=on,x-walk-cache=on", "");
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, 0), ==, ENV_OLD);
    table = sva_page(e.s);
    sva_write64(e.s, table + (IOVA >> 12 & 0x1ff) * 8, e.new | FS_ALL);
    sva_write64(e.s, vtd_slot(&e.fs, IOVA, 2), table | FS_ALL);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, 0), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_UNIT_STALE), ==, 1);
    sva_quit(e.s);
}

/* Looking leaves no trace, of any stage. */
static void test_stale_looks_only(void)
{
    uint64_t leaf, ss_leaf, ss_table;
    SvaTable fs, ss;
    SvaEntry entry;
    Env e = { };

    sva_env_start(&e, ",x-check-stale=on", "");
    vtd_table(&ss, e.s, true, 4, NULL);
    vtd_table(&fs, e.s, false, 4, &ss);
    ss_leaf = vtd_map(&ss, GPA(e.old), e.old, SS_ALL, 1);
    leaf = vtd_map(&fs, IOVA, GPA(e.old), FS_ALL, 1);
    ss_table = vtd_slot(&ss, GPA(leaf), 1);
    entry = vtd_entry_nested(&fs, ENV_DID + 1);
    entry.q[0] |= PE_SSADE;
    vtd_bind(e.s, SID0, 0x77, &entry);
    g_assert_true(sva_access(&e.d, 0x77, IOVA, A_WRITE));
    sva_clear_bits(e.s, leaf, FS_A | FS_D);
    sva_clear_bits(e.s, ss_leaf, SS_A | SS_D);
    sva_clear_bits(e.s, ss_table, SS_A | SS_D);
    g_assert_true(sva_access(&e.d, 0x77, IOVA, A_WRITE));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_UNIT_STALE), ==, 0);
    g_assert_cmphex(sva_read64(e.s, leaf) & (FS_A | FS_D), ==, 0);
    g_assert_cmphex(sva_read64(e.s, ss_leaf) & (SS_A | SS_D), ==, 0);
    g_assert_cmphex(sva_read64(e.s, ss_table) & (SS_A | SS_D), ==, 0);
    vtd_expect_no_fault(e.s);
    /* What was looked at is not what is cached: SRE is still off. */
    sva_set_bits(e.s, vtd_entry_at(e.s, SID0, 0x77) + 16, PE_SRE);
    g_assert_true(sva_access(&e.d, 0x77, IOVA, A_READ));
    g_assert_false(sva_access(&e.d, 0x77, IOVA, A_READ | A_PRIV));
    vtd_fault_clear(e.s);
    /* And DTE still on */
    sva_clear_bits(e.s, vtd_context_at(e.s, SID0), CTX_DTE);
    g_assert_true(sva_access(&e.d, 0x77, IOVA, A_READ));
    g_assert_cmphex(sva_xlate(&e.d, 0x77, IOVA, SVATEST_AUX_READ, 0).status,
                    ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

static void test_stale_off(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    sva_clear_bits(e.s, e.leaf, FS_P);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, 0), ==, ENV_OLD);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_STALE), ==, 0);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_UNIT_STALE), ==, 0);
    sva_quit(e.s);
}

/* Knobs */

static void test_ignore(void)
{
    Env e = { };
    int i;

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_INV_IGNORE, 1);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    for (i = 0; i < 2; i++) {
        vtd_iq(e.s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
        vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
        g_assert_true(vtd_wait(e.s));
        g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==,
                        i ? ENV_NEW : ENV_OLD);
    }
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_INV_IGNORED), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_INV_PAGE), ==, 2);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), DEV_ALL | 1 << 11);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), DEV_ALL | 1 << 11 | 1);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_INV_ALL), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_INV_GLOBAL), ==, 1);
    sva_quit(e.s);
}

/* Writing 0 sends what is held; the cache was emptied at once. */
static void test_hold_release(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    vtd_iq(e.s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, OTHER), IOVA);
    g_assert_false(vtd_wait(e.s));
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_NEW);
    g_assert_false(vtd_wait_done(e.s));
    /* That of another knob does not. */
    sva_dev_writel(&e.d, SVATEST_K_INV_IGNORE, 0);
    g_assert_false(vtd_wait_done(e.s));
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, 0);
    g_assert_true(vtd_wait_done(e.s));
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_UNIT_UNEXPECTED), ==, 0);
    sva_quit(e.s);
}

static void test_drop_response(void)
{
    Env e = { };
    unsigned prgi;

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_RESP_DROP, 1);
    sva_env_touch(&e, MISSING, 1, 0);
    prgi = sva_env_request(&e, MISSING, true);
    sva_env_respond(&e, prgi, 1);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_RESP_DROPPED), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_RESP_INVALID), ==, 0);
    sva_env_respond(&e, prgi, 1);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_PAGE_INVALID);
    sva_quit(e.s);
}

typedef struct PrFlag {
    const char *name;
    unsigned knob, value;
    uint64_t q0_set, q0_clear, q1_clear;
} PrFlag;

#define PV(pasid)   ((uint64_t)(pasid) << 32)
static const PrFlag pr_flags[] = {
    { "no-last", SVATEST_K_PR_FLAGS, SVATEST_KP_NO_LAST, 0, 0, 4 },
    { "no-pasid", SVATEST_K_PR_FLAGS, SVATEST_KP_NO_PASID, 0,
      PV(0xfffff) | 1 << 8 },
    { "privileged", SVATEST_K_PR_FLAGS, SVATEST_KP_PRIV, 1ull << 53 },
    { "execute", SVATEST_K_PR_FLAGS, SVATEST_KP_EXEC, 1ull << 52 },
    { "other-pasid", SVATEST_K_PASID_XOR, ENV_PASID ^ ENV_OTHER, PV(OTHER),
      PV(PASID & ~OTHER) },
    { "other-requester", SVATEST_K_DEVFN_OFFSET, SID1 - SID0,
      (SID1 & ~SID0) << 16, (SID0 & ~SID1) << 16 },
};

static void pr_flag_case(const void *opaque)
{
    const PrFlag *f = opaque;
    uint64_t q0 = 1 | 1 << 8 | SID0 << 16 | PV(PASID), d[4];
    Env e = { };

    sva_env_start_pri(&e, "");
    e.entry.q[2] |= PE_SRE;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    vtd_context(e.s, SID1, CTX_ALL);
    vtd_bind(e.s, SID1, PASID, &e.entry);
    vtd_flush_all(e.s);
    g_assert_cmphex(sva_dev_readl(&e.d, f->knob), ==, 0);
    sva_dev_writel(&e.d, f->knob, f->value);
    g_assert_cmphex(sva_dev_readl(&e.d, f->knob), ==, f->value);
    sva_env_touch(&e, MISSING, 1, 0);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[0], ==, (q0 & ~f->q0_clear) | f->q0_set);
    g_assert_cmphex(d[1] & 7, ==, 5 & ~f->q1_clear);
    if (f->knob == SVATEST_K_DEVFN_OFFSET) {
        /* The answer goes to who was named, which knows nothing of it. */
        vtd_iq(e.s, vtd_resp_q0(SID1, PASID, 1), vtd_resp_q1(d[1] >> 3 &
                                                              0x1ff));
        g_assert_true(vtd_wait(e.s));
        g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    } else if (!f->q1_clear) {
        vtd_iq(e.s, vtd_resp_q0(SID0, f->value == SVATEST_KP_NO_PASID ?
                                NO_PASID : d[0] >> 32 & 0xfffff, 1),
               vtd_resp_q1(d[1] >> 3 & 0x1ff));
        g_assert_true(vtd_wait(e.s));
        g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_PAGE_INVALID);
        g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    }
    sva_quit(e.s);
}

static void test_after_stop(void)
{
    uint64_t d[4];
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_PR_FLAGS, SVATEST_KP_AFTER_STOP);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, SVATEST_STOP_MARKER | PASID);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[1] & 7, ==, 4);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[1] & 7, ==, 5);
    g_assert_cmphex(d[0], ==, 1 | 1 << 8 | SID0 << 16 | PV(PASID));
    sva_env_respond(&e, d[1] >> 3 & 0x1ff, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

/* Memory requests with another PASID, or as another function */
static void test_isolation(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_PASID_XOR, 1);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x59, .sid = SID0, .pasid = PASID ^ 1, .addr = IOVA,
        .t1 = true,
    });
    /* Requests without PASID are none the wiser. */
    g_assert_true(sva_access(&e.d, NO_PASID, IOVA, A_READ));
    sva_dev_writel(&e.d, SVATEST_K_PASID_XOR, 0);
    sva_dev_writel(&e.d, SVATEST_K_DEVFN_OFFSET, 3);
    g_assert_false(sva_access(&e.d, PASID, IOVA, A_WRITE));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x41, .sid = SID0 + 3, .pasid = PASID, .addr = IOVA,
    });
    sva_quit(e.s);
}

static void test_early_completion(void)
{
    uint64_t done;
    Env e = { };

    sva_env_start_pri(&e, "");
    done = sva_env_map(&e, IOVA + KiB4);
    sva_dev_writel(&e.d, SVATEST_K_LIE, SVATEST_KL_EARLY);
    sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_FILL | SVATEST_F_COMPLETION,
        .pasid = sva_desc_pasid(PASID), .dst = MISSING, .length = 8,
        .tag = 99, .completion = IOVA + KiB4,
    });
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, SVATEST_STATE_WAIT_PRG);
    g_assert_cmphex(sva_read64(e.s, done), ==, SVATEST_ST_OK | 99ull << 32);
    g_assert_cmphex(sva_read64(e.s, done + 24), ==, 1ull << 32);
    /* There is one completion, not another one at the end. */
    sva_write64(e.s, done, 0);
    sva_env_map(&e, MISSING);
    vtd_iq(e.s, vtd_resp_q0(SID0, PASID, 0), vtd_resp_q1(0));
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_read64(e.s, done), ==, 0);
    sva_quit(e.s);
}

/* The completion that comes early may have to wait itself, and all with it. */
static void test_early_completion_waits(void)
{
    uint64_t d[4];
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_LIE, SVATEST_KL_EARLY);
    sva_env_run(&e, (struct svatest_desc) {
        .op_flags = SVATEST_OP_FILL | SVATEST_F_COMPLETION, .dst = IOVA,
        .length = 8, .completion = MISSING,
    });
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[1] & ~0xfffull, ==, MISSING);
    g_assert_cmphex(sva_read64(e.s, e.old), ==, ENV_OLD);
    sva_env_map(&e, MISSING);
    sva_env_respond(&e, d[1] >> 3 & 0x1ff, 0);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_read64(e.s, e.old), ==, 0);
    sva_quit(e.s);
}

/* More than the device can hold back are completed at once. */
static void test_hold_many(void)
{
    unsigned i;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_INV_HOLD, 100);
    for (i = 0; i < 70; i++) {
        vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    }
    g_assert_false(vtd_wait(e.s));
    qtest_clock_step(e.s->qts, 101 * 1000);
    g_assert_true(vtd_wait_done(e.s));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_INV_PAGE), ==, 70);
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ | A_ATS));
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    sva_quit(e.s);
}

/* Pages of two sizes are both found. */
static void test_sizes(void)
{
    uint64_t big = IOVA + (1ull << 30), memory;
    unsigned i;
    Env e = { };

    sva_env_start_pri(&e, "");
    memory = sva_pages(e.s, MiB2, MiB2);
    vtd_map(&e.fs, big & ~(MiB2 - 1), memory, FS_ALL, 2);
    for (i = 0; i < 2; i++) {
        g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ | A_ATS));
        g_assert_true(sva_access(&e.d, PASID, big, A_READ | A_ATS));
    }
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 2);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_HITS), ==, 2);
    /* 8 KiB in the middle of the big one: all of it goes, the other stays. */
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), (big & ~0x1fffull) | 1 << 11);
    g_assert_true(vtd_wait(e.s));
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ | A_ATS));
    g_assert_true(sva_access(&e.d, PASID, big, A_READ | A_ATS));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 3);
    sva_quit(e.s);
}

/* A run of several pages hits each of them. */
static void test_hits(void)
{
    uint64_t memory;
    Env e = { };
    int i;

    sva_env_start_pri(&e, "");
    memory = sva_pages(e.s, 2 * KiB4, KiB4);
    for (i = 0; i < 2; i++) {
        vtd_map(&e.fs, MISSING + i * KiB4, memory + i * KiB4, FS_ALL, 1);
        g_assert_true(sva_access(&e.d, PASID, MISSING + i * KiB4,
                                 A_READ | A_ATS));
    }
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    g_assert_cmphex(sva_env_run(&e, (struct svatest_desc) {
        .op_flags = SVATEST_OP_READ, .src = MISSING, .length = 2 * KiB4,
    }).status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_HITS), ==, 2);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 0);
    /* Without one of them the other is still there. */
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), MISSING);
    g_assert_true(vtd_wait(e.s));
    g_assert_true(sva_access(&e.d, PASID, MISSING + KiB4, A_READ | A_ATS));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_HITS), ==, 3);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_MISSES), ==, 0);
    sva_quit(e.s);
}

/* Without that lie: when the work is done, and when its page is there */
static void test_late_completion(void)
{
    struct svatest_desc fill = {
        .op_flags = SVATEST_OP_FILL | SVATEST_F_COMPLETION,
        .dst = MISSING, .length = 8, .imm = 7, .tag = 99,
        .completion = IOVA + KiB4,
    };
    uint64_t done, page, d[4];
    Env e = { };

    sva_env_start_pri(&e, "");
    done = sva_env_map(&e, IOVA + KiB4);
    g_assert_cmphex(sva_env_run(&e, fill).status, ==, SVATEST_ST_NONE);
    g_assert_cmphex(sva_read64(e.s, done + 24), ==, 0);
    page = sva_env_map(&e, MISSING);
    g_assert_true(vtd_pq_next(e.s, d));
    sva_env_respond(&e, d[1] >> 3 & 0x1ff, 0);
    /* It goes on though nobody asks for its status. */
    qtest_clock_step(e.s->qts, 1000);
    g_assert_cmphex(sva_read64(e.s, page), ==, 7);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_read64(e.s, done + 24), ==, 1ull << 32);
    /* Now it is the completion that waits, written but once. */
    fill.completion = MISSING + KiB4;
    g_assert_cmphex(sva_env_run(&e, fill).status, ==, SVATEST_ST_NONE);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[1] & ~0xfffull, ==, MISSING + KiB4);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_COMMANDS), ==, 1);
    done = sva_env_map(&e, MISSING + KiB4);
    sva_env_respond(&e, d[1] >> 3 & 0x1ff, 0);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_read64(e.s, done), ==, SVATEST_ST_OK | 99ull << 32);
    g_assert_cmphex(sva_read64(e.s, done + 24), ==, 2ull << 32);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_COMMANDS), ==, 2);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

/* Each touch has its price: a slice of that many bytes ends after it. */
static void test_slices_touch(void)
{
    uint64_t before;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_SLICE_BYTES, 1);
    before = sva_env_count(&e, SVATEST_CNT_SLICES);
    g_assert_cmphex(sva_env_run(&e, (struct svatest_desc) {
        .op_flags = SVATEST_OP_PREFETCH, .src = IOVA, .length = 8 * KiB4,
    }).status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_SLICES) - before, >=, 8);
    before = sva_env_count(&e, SVATEST_CNT_SLICES);
    g_assert_cmphex(sva_env_run(&e, (struct svatest_desc) {
        .op_flags = SVATEST_OP_TOUCH, .dst = IOVA, .length = 8, .imm2 = 1,
    }).result, ==, 8);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_SLICES) - before, >=, 8);
    sva_quit(e.s);
}

/* Borders of slices: as many as bytes, and the result is the same. */
static void test_slices(void)
{
    uint64_t before, page;
    Env e = { };

    sva_env_start_pri(&e, "");
    page = sva_env_map(&e, MISSING);
    sva_dev_writel(&e.d, SVATEST_K_SLICE_BYTES, 1);
    before = sva_env_count(&e, SVATEST_CNT_SLICES);
    g_assert_cmphex(sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_COPY, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .dst = MISSING, .length = 8,
    }).status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_SLICES) - before, >=, 8);
    g_assert_cmphex(sva_read64(e.s, page), ==, ENV_OLD);
    sva_quit(e.s);
}

typedef struct Knob {
    const char *name;
    unsigned knob;
    uint32_t good, bad;
} Knob;

static const Knob knobs[] = {
    { "page-request-flags", SVATEST_K_PR_FLAGS, 0x1f, 0x20 },
    { "pasid", SVATEST_K_PASID_XOR, 0xfffff, 0x100000 },
    { "requester", SVATEST_K_DEVFN_OFFSET, 0xff, 0x100 },
    { "lie", SVATEST_K_LIE, 3, 4 },
    { "slice-bytes", SVATEST_K_SLICE_BYTES, SVATEST_MEM_SIZE,
      SVATEST_MEM_SIZE + 1 },
    { "slice-bytes-none", SVATEST_K_SLICE_BYTES, 1, 0 },
    { "slice-commands", SVATEST_K_SLICE_CMDS, 256, 257 },
    { "slice-commands-none", SVATEST_K_SLICE_CMDS, 1, 0 },
    { "unknown", SVATEST_K_CLEAR + 4, 0, 1 },
};

static void knob_case(const void *opaque)
{
    const Knob *k = opaque;
    Env e = { };

    sva_env_start_pri(&e, "");
    if (k->good) {
        sva_dev_writel(&e.d, k->knob, k->good);
        g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    }
    sva_dev_writel(&e.d, k->knob, k->bad);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_CONFIG);
    g_assert_cmphex(sva_dev_readl(&e.d, k->knob), ==, k->good);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/svatest/" name, fn)
    ADD("atc/capacity", test_capacity);
    ADD("atc/read-ahead", test_read_ahead);
    ADD("atc/upgrade", test_upgrade);
    qtest_add_data_func("/svatest/stale/unit", GINT_TO_POINTER(false),
                        stale_case);
    qtest_add_data_func("/svatest/stale/device", GINT_TO_POINTER(true),
                        stale_case);
    ADD("stale/table", test_stale_table);
    ADD("stale/looks-only", test_stale_looks_only);
    ADD("stale/off", test_stale_off);
    ADD("knob/ignore", test_ignore);
    ADD("knob/hold-release", test_hold_release);
    ADD("knob/drop-response", test_drop_response);
    ADD("knob/after-stop", test_after_stop);
    ADD("knob/isolation", test_isolation);
    ADD("knob/early-completion", test_early_completion);
    ADD("knob/early-completion-waits", test_early_completion_waits);
    ADD("knob/late-completion", test_late_completion);
    ADD("knob/hold-many", test_hold_many);
    ADD("atc/sizes", test_sizes);
    ADD("atc/hits", test_hits);
    ADD("knob/slices", test_slices);
    ADD("knob/slices-touch", test_slices_touch);
    SVA_ADD_TABLE("knob/request", pr_flags, pr_flag_case);
    SVA_ADD_TABLE("knob/value", knobs, knob_case);
    return g_test_run();
}
