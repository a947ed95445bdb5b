/*
 * svatest: page request groups and the commands that wait for them, where
 * several are under way at once
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define OTHER   ENV_OTHER
#define MISSING (ENV_IOVA + 0x10000)
#define PRI_STOPPED     0x100
#define GROUP   (SVATEST_PR_READ | SVATEST_PR_LAST)
#define PRGIS   512

typedef SvaEnv Env;

/* Channel 1 waits for a page, too. */
static void second_waits(Env *e, uint32_t pasid, uint64_t addr)
{
    struct svatest_desc touch = {
        .op_flags = SVATEST_OP_TOUCH, .pasid = sva_desc_pasid(pasid),
        .dst = addr, .length = KiB4, .imm2 = KiB4,
    };

    sva_dev_channel(&e->d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                    SVATEST_CF_TRUSTED | SVATEST_CF_ATS | SVATEST_CF_PRI);
    sva_issue_on(&e->d, 1, &touch);
    sva_dev_readl(&e->d, SVATEST_R_DOORBELL(1) + SVATEST_D_STATUS);
}

static uint32_t second_status(Env *e)
{
    return sva_dev_readl(&e->d, SVATEST_R_DOORBELL(1) + SVATEST_D_STATUS);
}

/* Raw messages may name an index that is in use: it stays one group. */
static void test_same_index(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, MISSING, 1, GROUP | 5);
    sva_page_request(&e.d, PASID, MISSING, 1, GROUP | 5);
    sva_pri_control(&e.d, 0);
    g_assert_cmphex(sva_pri_status(&e.d) & PRI_STOPPED, ==, 0);
    sva_env_respond(&e, 5, 0);
    g_assert_cmphex(sva_pri_status(&e.d) & PRI_STOPPED, ==, PRI_STOPPED);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

/* Nor does it take a credit away for ever. */
static void test_same_index_credit(void)
{
    unsigned prgi;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_pri_allocate(&e.d, 1);
    sva_env_touch(&e, MISSING, 1, 0);
    prgi = sva_env_request(&e, MISSING, true);
    sva_dev_writel(&e.d, SVATEST_R_CONTROL,
                   SVATEST_CTRL_ENABLE | SVATEST_CTRL_ABORT);
    sva_page_request(&e.d, PASID, MISSING, 1, GROUP | prgi);
    sva_env_request(&e, MISSING, true);
    sva_env_respond(&e, prgi, 0);
    sva_env_touch(&e, MISSING, 1, 0);
    sva_env_request(&e, MISSING, true);
    sva_quit(e.s);
}

/* Without a right a message is a stop marker, which opens nothing. */
static void test_marker(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, MISSING, 1, SVATEST_PR_LAST | 5);
    sva_pri_control(&e.d, 0);
    g_assert_cmphex(sva_pri_status(&e.d) & PRI_STOPPED, ==, PRI_STOPPED);
    sva_quit(e.s);
}

/* A command takes an index that is free. */
static void test_free_index(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, MISSING, 1, GROUP | 0);
    sva_env_request(&e, MISSING, true);
    sva_env_touch(&e, MISSING, 1, 0);
    g_assert_cmpuint(sva_env_request(&e, MISSING, true), !=, 0);
    sva_quit(e.s);
}

/* If there is none it waits, and stop markers do without what follows them. */
static void test_all_indices(void)
{
    SvaResult r;
    Env e = { };

    sva_env_start_pri(&e, "");
    vtd_pq_init(e.s, 3);
    sva_page_request(&e.d, PASID, MISSING, PRGIS,
                     GROUP | SVATEST_PR_DISTINCT | SVATEST_PR_SAME_ADDR);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, PRGIS);
    vtd_writeq(e.s, VTD_PQH, vtd_readq(e.s, VTD_PQT));
    sva_env_touch(&e, MISSING, 1, 0);
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, SVATEST_STATE_WAIT_PRG);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_dev_writel(&e.d, SVATEST_K_PR_FLAGS, SVATEST_KP_AFTER_STOP);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, OTHER | SVATEST_STOP_MARKER);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    vtd_writeq(e.s, VTD_PQH, vtd_readq(e.s, VTD_PQT));
    sva_env_respond(&e, 77, 0);
    g_assert_cmpuint(sva_env_request(&e, MISSING, true), ==, 77);
    sva_env_respond(&e, 77, 1);
    r = sva_result(&e.d);
    g_assert_cmphex(r.status, ==, SVATEST_ST_PAGE_INVALID);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

/* Raw messages go on from slice to slice, however small. */
static void test_raw_slices(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_SLICE_BYTES, 1);
    sva_page_request(&e.d, PASID, MISSING, 8, GROUP);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 8);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_SLICES), >=, 8);
    sva_quit(e.s);
}

/* The end of one channel's command leaves the other's group with it. */
static void test_abort_one(void)
{
    unsigned first, second;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_env_touch(&e, MISSING, 1, 0);
    first = sva_env_request(&e, MISSING, true);
    second_waits(&e, PASID, MISSING + KiB4);
    second = sva_env_request(&e, MISSING + KiB4, true);
    sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS, 0);
    sva_env_respond(&e, second, 1);
    g_assert_cmphex(second_status(&e), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_PAGE_INVALID);
    sva_env_respond(&e, first, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

/* How the first command ends whose group stays open */
typedef enum { RESET, FLR, TIME_OUT } End;

typedef struct Late {
    const char *name;
    End end;
} Late;

static const Late lates[] = {
    { "reset", RESET },
    { "function-reset", FLR },
    { "time-out", TIME_OUT },
};

/* Its response is not taken for that of the next one. */
static void late_case(const void *opaque)
{
    const Late *l = opaque;
    unsigned first, second;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS, 0);
    sva_dev_channel(&e.d, 0, SVATEST_C_TIMEOUT, 5);
    sva_dev_pri(&e.d, true);
    sva_env_touch(&e, MISSING, 1, 0);
    first = sva_env_request(&e, MISSING, true);
    if (l->end == TIME_OUT) {
        qtest_clock_step(e.s->qts, 5000 * 1000);
        g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_TIMEOUT);
    } else {
        if (l->end == RESET) {
            sva_dev_writel(&e.d, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
        } else {
            /* Of a function that keeps what it should forget */
            sva_dev_writel(&e.d, SVATEST_K_LIE, SVATEST_KL_KEEP_FLR);
            sva_dev_flr(&e.d);
        }
        sva_dev_writel(&e.d, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
        sva_dev_channel(&e.d, 0, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                        SVATEST_CF_TRUSTED | SVATEST_CF_ATS | SVATEST_CF_PRI);
    }
    sva_env_touch(&e, MISSING, 1, 0);
    second = sva_env_request(&e, MISSING, true);
    sva_env_respond(&e, first, 1);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, SVATEST_STATE_WAIT_PRG);
    sva_env_respond(&e, second, 1);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_PAGE_INVALID);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

/* A stop waits for groups of its PASID, and ends commands of its PASID. */
static void test_stop_other(void)
{
    unsigned prgi;
    Env e = { };

    sva_env_start_pri(&e, "");
    second_waits(&e, PASID, MISSING);
    prgi = sva_env_request(&e, MISSING, true);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, OTHER);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_STOP_STATUS), ==,
                    OTHER | SVATEST_STOP_DONE);
    g_assert_cmphex(second_status(&e), ==, SVATEST_IMM_BUSY);
    sva_env_respond(&e, prgi, 1);
    g_assert_cmphex(second_status(&e), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_PAGE_INVALID);
    sva_quit(e.s);
}

/* A reset of the interface ends what waits for it. */
static void test_interface_reset(void)
{
    SvaResult r;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, MISSING, 1, GROUP | 5);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, PASID);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_STOP_STATUS), ==,
                    PASID | SVATEST_STOP_BUSY);
    sva_pri_control(&e.d, 2);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_STOP_STATUS), ==,
                    PASID | SVATEST_STOP_DONE);
    sva_dev_pri(&e.d, true);
    sva_pri_allocate(&e.d, 0);
    g_assert_cmphex(sva_env_touch(&e, MISSING, 1, 0).status, ==,
                    SVATEST_ST_NONE);
    sva_pri_control(&e.d, 2);
    r = sva_result(&e.d);
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==,
                     SVATEST_REASON_DISABLED);
    sva_quit(e.s);
}

/* What waited for a credit and was aborted leaves the channel as it was. */
static void test_abort_credit(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_pri_allocate(&e.d, 0);
    sva_env_touch(&e, MISSING, 1, 0);
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, SVATEST_STATE_WAIT_PRG);
    sva_dev_writel(&e.d, SVATEST_R_CONTROL,
                   SVATEST_CTRL_ENABLE | SVATEST_CTRL_ABORT);
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, SVATEST_STATE_IDLE);
    g_assert_true(sva_access(&e.d, PASID, ENV_IOVA, A_READ | A_ATS));
    sva_quit(e.s);
}

/* Only its control register resets the interface. */
static void test_allocate(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, MISSING, 1, GROUP | 5);
    sva_pri_allocate(&e.d, 2);
    sva_env_respond(&e, 5, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

#define ADD(name, fn) qtest_add_func("/svatest/group/" name, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("same-index", test_same_index);
    ADD("same-index-credit", test_same_index_credit);
    ADD("marker", test_marker);
    ADD("free-index", test_free_index);
    ADD("all-indices", test_all_indices);
    ADD("raw-slices", test_raw_slices);
    ADD("abort-one", test_abort_one);
    SVA_ADD_TABLE("group/late", lates, late_case);
    ADD("stop-other", test_stop_other);
    ADD("interface-reset", test_interface_reset);
    ADD("abort-credit", test_abort_credit);
    ADD("allocate", test_allocate);
    return g_test_run();
}
