/*
 * svatest: page requests that commands make, credits, the stop of a PASID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define OTHER   ENV_OTHER
#define IOVA    ENV_IOVA
#define MISSING (ENV_IOVA + 0x10000)
#define PRI_ENABLE      1
#define PRI_RESET       2
#define PRI_RF          0x1
#define PRI_UPRGI       0x2
#define PRI_STOPPED     0x100
#define PRI_PASID       0x8000

typedef SvaEnv Env;

/* Flags and one more register of channel 0, which has to be off for that */
static void set_up(Env *e, unsigned reg, uint32_t value)
{
    uint32_t flags = sva_dev_readl(&e->d, SVATEST_R_CHANNEL(0) +
                                   SVATEST_C_FLAGS);

    sva_dev_channel(&e->d, 0, SVATEST_C_FLAGS, 0);
    sva_dev_channel(&e->d, 0, reg, value);
    sva_dev_channel(&e->d, 0, SVATEST_C_FLAGS, flags);
}

/* Page requests that commands make */

static void test_fault_in(void)
{
    Env e = { };
    unsigned prgi;
    SvaResult r;

    sva_env_start_pri(&e, "");
    set_up(&e, SVATEST_C_PRG_PAGES, 4);
    g_assert_cmphex(sva_env_touch(&e, MISSING, 3, 0).status, ==,
                    SVATEST_ST_NONE);
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, SVATEST_STATE_WAIT_PRG);
    prgi = sva_env_request(&e, MISSING, false);
    g_assert_cmpuint(sva_env_request(&e, MISSING + KiB4, false), ==, prgi);
    g_assert_cmpuint(sva_env_request(&e, MISSING + 2 * KiB4, true), ==, prgi);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_env_map(&e, MISSING);
    sva_env_map(&e, MISSING + KiB4);
    sva_env_map(&e, MISSING + 2 * KiB4);
    sva_env_respond(&e, prgi, 0);
    r = sva_result(&e.d);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(r.result, ==, 3);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_PAGE_REQUESTS), ==, 3);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_GROUPS), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_RESP_SUCCESS), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_UNIT_PAGE_REQUESTS), ==, 3);
    g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* The next group has another index, one in use is never taken. */
static void test_indices(void)
{
    unsigned first, second, third;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_env_touch(&e, MISSING, 1, 0);
    first = sva_env_request(&e, MISSING, true);
    /* The command goes, its group stays. */
    sva_dev_writel(&e.d, SVATEST_R_CONTROL,
                   SVATEST_CTRL_ENABLE | SVATEST_CTRL_ABORT);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_ABORTED);
    sva_env_touch(&e, MISSING, 1, 0);
    second = sva_env_request(&e, MISSING, true);
    g_assert_cmpuint(second, !=, first);
    sva_env_respond(&e, first, 1);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    sva_env_respond(&e, second, 1);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_PAGE_INVALID);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_RESP_INVALID), ==, 2);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_RESP_UNKNOWN), ==, 0);
    sva_env_touch(&e, MISSING, 1, 0);
    third = sva_env_request(&e, MISSING, true);
    g_assert_cmpuint(third, !=, first);
    g_assert_cmpuint(third, !=, second);
    sva_quit(e.s);
}

/* Success without a page: asked for once more than C_RETRIES says */
static void test_retries(void)
{
    Env e = { };
    SvaResult r;
    int i;

    sva_env_start_pri(&e, "");
    set_up(&e, SVATEST_C_RETRIES, 2);
    sva_env_touch(&e, MISSING, 1, 0);
    for (i = 0; i < 3; i++) {
        sva_env_respond(&e, sva_env_request(&e, MISSING, true), 0);
        r = sva_result(&e.d);
    }
    g_assert_cmphex(r.status, ==, SVATEST_ST_RETRY);
    g_assert_cmphex(r.result, ==, MISSING);
    g_assert_cmphex(r.detail, ==, SVATEST_DET_READ);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

/* The count is for each page. */
static void test_retries_page(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_env_touch(&e, MISSING, 2, 0);
    sva_env_map(&e, MISSING);
    sva_env_respond(&e, sva_env_request(&e, MISSING, true), 0);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    sva_env_map(&e, MISSING + KiB4);
    sva_env_respond(&e, sva_env_request(&e, MISSING + KiB4, true), 0);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

typedef struct Answer {
    const char *name;
    unsigned code;
    uint32_t status;
    bool stops;
} Answer;

static const Answer answers[] = {
    { "invalid", 1, SVATEST_ST_PAGE_INVALID },
    { "failure", 0xf, SVATEST_ST_PAGE_FAILURE, true },
    { "undefined", 5, SVATEST_ST_PAGE_FAILURE, true },
};

static void answer_case(const void *opaque)
{
    const Answer *a = opaque;
    Env e = { };
    SvaResult r;

    sva_env_start_pri(&e, "");
    sva_env_touch(&e, MISSING, 1, 0);
    sva_env_respond(&e, sva_env_request(&e, MISSING, true), a->code);
    r = sva_result(&e.d);
    g_assert_cmphex(r.status, ==, a->status);
    g_assert_cmphex(r.result, ==, MISSING);
    g_assert_cmphex(r.detail, ==, SVATEST_DET_READ | a->code << 16);
    g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID |
                    (a->stops ? PRI_RF | PRI_STOPPED : 0));
    g_assert_cmphex(sva_dev_errors(&e.d), ==,
                    a->stops ? SVATEST_ERR_RESPONSE : 0);
    g_assert_cmpuint(sva_env_count(&e, a->stops ? SVATEST_CNT_RESP_FAILURE :
                                   SVATEST_CNT_RESP_INVALID), ==, 1);
    /* The interface is off: the next one does not ask. */
    r = sva_env_touch(&e, MISSING, 1, 0);
    g_assert_cmphex(r.status, ==, a->stops ? SVATEST_ST_NO_RIGHT :
                    SVATEST_ST_NONE);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==,
                     a->stops ? SVATEST_REASON_DISABLED : 0);
    if (a->stops) {
        sva_pri_control(&e.d, PRI_ENABLE);
        g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID | PRI_RF);
        sva_pri_set_status(&e.d, PRI_RF);
        g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID);
    }
    sva_quit(e.s);
}

/* A failure ends what other channels wait for, too. */
static void test_failure_ends_all(void)
{
    struct svatest_desc d = {
        .op_flags = SVATEST_OP_TOUCH, .pasid = sva_desc_pasid(PASID),
        .dst = MISSING + KiB4, .length = 1, .imm2 = 1,
    };
    Env e = { };
    unsigned prgi;

    sva_env_start_pri(&e, "");
    sva_dev_channel(&e.d, 2, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                    SVATEST_CF_TRUSTED | SVATEST_CF_ATS | SVATEST_CF_PRI);
    sva_issue_on(&e.d, 2, &d);
    sva_env_request(&e, MISSING + KiB4, true);
    sva_env_touch(&e, MISSING, 1, 0);
    prgi = sva_env_request(&e, MISSING, true);
    g_assert_cmphex(sva_dev_state(&e.d, 2), ==, SVATEST_STATE_WAIT_PRG);
    sva_env_respond(&e, prgi, 0xf);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_PAGE_FAILURE);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(2) +
                                  SVATEST_D_STATUS), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_PAGE_FAILURE);
    sva_quit(e.s);
}

static void unknown_case(const void *opaque)
{
    bool pasid = GPOINTER_TO_INT(opaque);
    Env e = { };
    unsigned prgi;

    sva_env_start_pri(&e, "");
    sva_env_touch(&e, MISSING, 1, 0);
    prgi = sva_env_request(&e, MISSING, true);
    vtd_iq(e.s, vtd_resp_q0(SID0, pasid ? OTHER : PASID, 0),
           vtd_resp_q1(pasid ? prgi : prgi + 1));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID | PRI_UPRGI);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_UPRGI);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_RESP_UNKNOWN), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_RESP_SUCCESS), ==, 0);
    sva_quit(e.s);
}

/* Without the PASID in responses the index alone has to match. */
static void test_no_pasid_in_responses(void)
{
    Env e = { };
    unsigned prgi;

    sva_env_start(&e, "", ",prg-pasid=off");
    sva_dev_pri(&e.d, true);
    g_assert_cmphex(sva_pri_status(&e.d), ==, 0);
    sva_env_touch(&e, MISSING, 1, 0);
    prgi = sva_env_request(&e, MISSING, true);
    vtd_iq(e.s, vtd_resp_q0(SID0, NO_PASID, 1), vtd_resp_q1(prgi));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_PAGE_INVALID);
    sva_quit(e.s);
}

static void test_time_out(void)
{
    Env e = { };
    unsigned prgi;

    sva_env_start_pri(&e, "");
    set_up(&e, SVATEST_C_TIMEOUT, 5);
    sva_env_touch(&e, MISSING, 1, 0);
    prgi = sva_env_request(&e, MISSING, true);
    qtest_clock_step(e.s->qts, 4999 * 1000);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    qtest_clock_step(e.s->qts, 1000);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_TIMEOUT);
    /* The late response still finds its group, and nobody waits for it. */
    sva_env_respond(&e, prgi, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_RESP_SUCCESS), ==, 1);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_LONGEST_WAIT), ==,
                     5000 * 1000);
    sva_env_respond(&e, prgi, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_UPRGI);
    sva_quit(e.s);
}

static void test_no_pri_flag(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start_pri(&e, "");
    r = sva_env_touch(&e, MISSING, 1, SVATEST_F_NO_PRI);
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmphex(r.result, ==, MISSING);
    sva_pri_control(&e.d, 0);
    r = sva_env_touch(&e, MISSING, 1, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==,
                     SVATEST_REASON_DISABLED);
    g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID | PRI_STOPPED);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

/* Credits */

static void test_no_credit(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_pri_allocate(&e.d, 0);
    g_assert_cmphex(sva_env_touch(&e, MISSING, 1, 0).status, ==,
                    SVATEST_ST_NONE);
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, SVATEST_STATE_WAIT_PRG);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_PAGE_REQUESTS), ==, 0);
    sva_quit(e.s);
}

/* A group takes no more pages than there are credits, the next one waits. */
static void test_credits(void)
{
    struct svatest_desc d = {
        .op_flags = SVATEST_OP_TOUCH, .pasid = sva_desc_pasid(PASID),
        .dst = MISSING + 16 * KiB4, .length = KiB4, .imm2 = KiB4,
    };
    Env e = { };
    unsigned prgi;

    sva_env_start_pri(&e, "");
    g_assert_cmpuint(sva_cfg_readl(e.s, SID0, sva_ext_cap(e.s, SID0, CAP_PRI) +
                                   8), ==, 64);
    sva_pri_allocate(&e.d, 2);
    set_up(&e, SVATEST_C_PRG_PAGES, 8);
    sva_dev_channel(&e.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                    SVATEST_CF_TRUSTED | SVATEST_CF_ATS | SVATEST_CF_PRI);
    sva_env_touch(&e, MISSING, 8, 0);
    prgi = sva_env_request(&e, MISSING, false);
    sva_env_request(&e, MISSING + KiB4, true);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_issue_on(&e.d, 1, &d);
    g_assert_cmphex(sva_dev_state(&e.d, 1), ==, SVATEST_STATE_WAIT_PRG);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_env_respond(&e, prgi, 1);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_PAGE_INVALID);
    g_assert_cmphex(sva_dev_state(&e.d, 1), ==, SVATEST_STATE_WAIT_PRG);
    sva_env_request(&e, MISSING + 16 * KiB4, true);
    sva_quit(e.s);
}

/* No more than is left of the command, and than the window */
static void test_window(void)
{
    Env e = { };
    unsigned prgi;
    int i;

    sva_env_start_pri(&e, "");
    set_up(&e, SVATEST_C_PRG_PAGES, 32);
    sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_CRC, .pasid = sva_desc_pasid(PASID),
        .src = MISSING + 0xfff, .length = KiB4 + 2,
    });
    for (i = 0; i < 3; i++) {
        prgi = sva_env_request(&e, MISSING + i * KiB4, i == 2);
    }
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_env_respond(&e, prgi, 1);
    set_up(&e, SVATEST_C_PRG_PAGES, 2);
    sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_CRC, .pasid = sva_desc_pasid(PASID),
        .src = MISSING, .length = 40 * KiB4,
    });
    sva_env_request(&e, MISSING, false);
    sva_env_request(&e, MISSING + KiB4, true);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

/* Reset of the interface forgets groups and gives their credits back. */
static void test_interface_reset(void)
{
    Env e = { };
    unsigned prgi;

    sva_env_start_pri(&e, "");
    sva_pri_allocate(&e.d, 1);
    sva_env_touch(&e, MISSING, 1, 0);
    prgi = sva_env_request(&e, MISSING, true);
    /* Not while it is, or becomes, enabled */
    sva_pri_control(&e.d, PRI_ENABLE | PRI_RESET);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    sva_pri_control(&e.d, 0);
    g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID);
    sva_pri_control(&e.d, PRI_RESET);
    g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID | PRI_STOPPED);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_PAGE_FAILURE);
    sva_pri_control(&e.d, PRI_ENABLE);
    sva_env_respond(&e, prgi, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_UPRGI);
    sva_env_touch(&e, MISSING, 1, 0);
    sva_env_request(&e, MISSING, true);
    sva_quit(e.s);
}

/* The stop of a PASID */

/* Raw messages: only the last one of a group opens it. */
static void test_raw(void)
{
    struct svatest_desc raw = {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(PASID),
        .src = MISSING, .length = 3,
        .aux = SVATEST_PR_READ | SVATEST_PR_DISTINCT | SVATEST_PR_LAST,
    };
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, MISSING, 1, SVATEST_PR_READ | 9);
    sva_env_respond(&e, 9, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_UPRGI);
    /* Three groups; the failure of one ends the others that are open. */
    g_assert_cmphex(sva_run(&e.d, &raw).status, ==, SVATEST_ST_OK);
    sva_env_respond(&e, 0, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_env_respond(&e, 1, 0xf);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_RESPONSE);
    g_assert_cmphex(sva_pri_status(&e.d), ==,
                    PRI_PASID | PRI_RF | PRI_UPRGI | PRI_STOPPED);
    sva_env_respond(&e, 2, 0);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_UPRGI);
    /* Each bit is cleared by writing it. */
    sva_pri_set_status(&e.d, PRI_RF);
    g_assert_cmphex(sva_pri_status(&e.d), ==,
                    PRI_PASID | PRI_UPRGI | PRI_STOPPED);
    sva_pri_set_status(&e.d, PRI_UPRGI);
    g_assert_cmphex(sva_pri_status(&e.d), ==, PRI_PASID | PRI_STOPPED);
    sva_quit(e.s);
}

/* A raw message without PASID: nothing is added to what is not there. */
static void test_raw_no_pasid(void)
{
    uint64_t d[4];
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_K_PASID_XOR, 1);
    sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .src = MISSING,
        .aux = SVATEST_PR_READ | SVATEST_PR_LAST | SVATEST_PR_WAIT,
    });
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[0], ==, 1 | SID0 << 16);
    vtd_iq(e.s, vtd_resp_q0(SID0, NO_PASID, 0), vtd_resp_q1(0));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

static void test_raw_time_out(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    set_up(&e, SVATEST_C_TIMEOUT, 5);
    sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(PASID),
        .src = MISSING,
        .aux = SVATEST_PR_READ | SVATEST_PR_LAST | SVATEST_PR_WAIT,
    });
    qtest_clock_step(e.s->qts, 4999 * 1000);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    qtest_clock_step(e.s->qts, 1000);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_TIMEOUT);
    sva_quit(e.s);
}

/* What else is due meanwhile does not end the wait. */
static void test_time_out_other(void)
{
    struct svatest_desc delay = { .op_flags = SVATEST_OP_DELAY, .imm = 2000 };
    Env e = { };

    sva_env_start_pri(&e, "");
    set_up(&e, SVATEST_C_TIMEOUT, 5);
    sva_env_touch(&e, MISSING, 1, 0);
    sva_dev_channel(&e.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    sva_issue_on(&e.d, 1, &delay);
    sva_dev_readl(&e.d, SVATEST_R_DOORBELL(1) + SVATEST_D_STATUS);
    qtest_clock_step(e.s->qts, 2000 * 1000);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(1) +
                                  SVATEST_D_STATUS), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_OK);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_NONE);
    g_assert_cmphex(sva_dev_state(&e.d, 0), ==, SVATEST_STATE_WAIT_PRG);
    sva_quit(e.s);
}

/* A ring whose page, or whose head's page, does not come; or it is aborted */
enum { RING_FETCH, RING_COMPLETION, RING_HEAD, RING_ABORT };

static void ring_case(const void *opaque)
{
    int what = GPOINTER_TO_INT(opaque);
    bool head = what != RING_FETCH;
    bool completion = what == RING_COMPLETION;
    struct svatest_desc nop = {
        .op_flags = SVATEST_OP_NOP | (completion ? SVATEST_F_COMPLETION : 0),
        .completion = completion ? MISSING : 0,
    };
    uint64_t at = completion ? IOVA + KiB4 + 0x800 : MISSING;
    uint64_t page, ring, d[4];
    Env e = { };

    sva_env_start_pri(&e, "");
    page = sva_env_map(&e, IOVA + KiB4);
    qtest_memwrite(e.s->qts, page, &nop, sizeof(nop));
    ring = head ? IOVA + KiB4 : MISSING;
    sva_dev_channel(&e.d, 1, SVATEST_C_PASID, SVATEST_CP_VALID | PASID);
    sva_dev_channel(&e.d, 1, SVATEST_C_TIMEOUT, 5);
    sva_dev_channel(&e.d, 1, SVATEST_C_RING_BASE, ring);
    sva_dev_channel(&e.d, 1, SVATEST_C_RING_BASE + 4, ring >> 32);
    sva_dev_channel(&e.d, 1, SVATEST_C_RING_SIZE, 1);
    if (head) {
        sva_dev_channel(&e.d, 1, SVATEST_C_HEAD_ADDR, at);
        sva_dev_channel(&e.d, 1, SVATEST_C_HEAD_ADDR + 4, at >> 32);
    }
    sva_dev_channel(&e.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                    SVATEST_CF_RING_PASID | SVATEST_CF_ATS | SVATEST_CF_PRI);
    sva_dev_writel(&e.d, SVATEST_R_DOORBELL(1) + SVATEST_D_TAIL, 1);
    while (sva_dev_state(&e.d, 1) == SVATEST_STATE_RUN) {
        ;
    }
    g_assert_cmphex(sva_dev_state(&e.d, 1), ==, SVATEST_STATE_WAIT_PRG);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[1] & ~0xfffull, ==, MISSING);
    g_assert_cmpuint(d[1] & 3, ==, head ? 2 : 1);
    if (what == RING_ABORT) {
        /* The command was done, and its place is free. */
        g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(1) +
                                      SVATEST_D_HEAD), ==, 1);
        sva_dev_writel(&e.d, SVATEST_R_CONTROL,
                       SVATEST_CTRL_ENABLE | SVATEST_CTRL_ABORT);
        qtest_clock_step(e.s->qts, 1000);
        g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(1) +
                                      SVATEST_D_HEAD), ==, 1);
        g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(1) +
                                      SVATEST_D_ERROR), ==, 0);
        g_assert_cmphex(sva_dev_state(&e.d, 1), ==, SVATEST_STATE_IDLE);
        g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_COMMANDS), ==, 1);
        sva_quit(e.s);
        return;
    }
    qtest_clock_step(e.s->qts, 5000 * 1000);
    while (sva_dev_state(&e.d, 1) == SVATEST_STATE_RUN) {
        ;
    }
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_cmphex(sva_dev_state(&e.d, 1), ==, head ? SVATEST_STATE_IDLE :
                    SVATEST_STATE_ERROR);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_DOORBELL(1) +
                                  SVATEST_D_ERROR), ==,
                    head ? 0 : SVATEST_ST_PAGE_FAILURE);
    g_assert_cmphex(sva_dev_errors(&e.d), ==,
                    head ? SVATEST_ERR_COMPLETION : SVATEST_ERR_RING);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_COMMANDS), ==, head);
    /* One that does not come is no reason to give up the next one. */
    g_assert_cmphex(sva_read64(e.s, page + 0x800), ==, completion);
    sva_quit(e.s);
}

static void expect_stopped(Env *e)
{
    g_assert_cmphex(sva_dev_readl(&e->d, SVATEST_R_STOP_STATUS), ==,
                    SVATEST_STOP_DONE | PASID);
    g_assert_cmphex(sva_dev_readl(&e->d, SVATEST_R_INTR_CAUSE), ==,
                    SVATEST_INTR_STOPPED);
}

static void test_stop_idle(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_channel(&e.d, 1, SVATEST_C_PASID, SVATEST_CP_VALID | PASID);
    sva_dev_channel(&e.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    sva_dev_channel(&e.d, 2, SVATEST_C_PASID, SVATEST_CP_VALID | OTHER);
    sva_dev_channel(&e.d, 2, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    sva_dev_channel(&e.d, 3, SVATEST_C_PASID, PASID);
    sva_dev_channel(&e.d, 3, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, PASID);
    expect_stopped(&e);
    g_assert_cmphex(sva_dev_state(&e.d, 1), ==, SVATEST_STATE_HALTED);
    g_assert_cmphex(sva_dev_state(&e.d, 2), ==, SVATEST_STATE_IDLE);
    g_assert_cmphex(sva_dev_state(&e.d, 3), ==, SVATEST_STATE_IDLE);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_PASID_STOP), ==, PASID);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

/* Without a marker the responses are awaited; meanwhile nothing starts. */
static void test_stop_waits(void)
{
    Env e = { };
    unsigned prgi;

    sva_env_start_pri(&e, "");
    sva_env_touch(&e, MISSING, 1, 0);
    prgi = sva_env_request(&e, MISSING, true);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, PASID);
    g_assert_cmphex(sva_result(&e.d).status, ==, SVATEST_ST_ABORTED);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_STOP_STATUS), ==,
                    SVATEST_STOP_BUSY | PASID);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_INTR_CAUSE), ==, 0);
    g_assert_cmphex(sva_env_touch(&e, IOVA, 1, 0).status, ==,
                    SVATEST_ST_ABORTED);
    g_assert_true(sva_access(&e.d, OTHER, IOVA, A_READ));
    /* One at a time */
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, OTHER);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_CONFIG);
    sva_dev_writel(&e.d, SVATEST_R_INTR_CAUSE, SVATEST_INTR_ERROR);
    sva_env_respond(&e, prgi, 0);
    expect_stopped(&e);
    g_assert_cmphex(sva_env_touch(&e, IOVA, 1, 0).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

static void test_stop_marker(void)
{
    uint64_t d[4];
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_env_touch(&e, MISSING, 1, 0);
    sva_env_request(&e, MISSING, true);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, SVATEST_STOP_MARKER | PASID);
    expect_stopped(&e);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[0], ==, 1 | 1 << 8 | SID0 << 16 |
                    (uint64_t)PASID << 32);
    g_assert_cmphex(d[1] & 7, ==, 4);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

static void test_stop_reserved(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, 1 << 20);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, SVATEST_ERR_CONFIG);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_STOP_STATUS), ==, 0);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/svatest/" name, fn)
    ADD("request/fault-in", test_fault_in);
    ADD("request/indices", test_indices);
    ADD("request/retries", test_retries);
    ADD("request/retries-page", test_retries_page);
    ADD("request/failure-ends-all", test_failure_ends_all);
    ADD("request/no-pasid-in-responses", test_no_pasid_in_responses);
    ADD("request/time-out", test_time_out);
    ADD("request/not-allowed", test_no_pri_flag);
    ADD("request/window", test_window);
    ADD("request/interface-reset", test_interface_reset);
    SVA_ADD_TABLE("request/answer", answers, answer_case);
    qtest_add_data_func("/svatest/request/unknown/index",
                        GINT_TO_POINTER(false), unknown_case);
    qtest_add_data_func("/svatest/request/unknown/pasid",
                        GINT_TO_POINTER(true), unknown_case);
    ADD("request/raw/groups", test_raw);
    ADD("request/raw/no-pasid", test_raw_no_pasid);
    ADD("request/raw/time-out", test_raw_time_out);
    ADD("request/time-out-other", test_time_out_other);
    qtest_add_data_func("/svatest/request/ring/fetch",
                        GINT_TO_POINTER(RING_FETCH), ring_case);
    qtest_add_data_func("/svatest/request/ring/completion",
                        GINT_TO_POINTER(RING_COMPLETION), ring_case);
    qtest_add_data_func("/svatest/request/ring/head",
                        GINT_TO_POINTER(RING_HEAD), ring_case);
    qtest_add_data_func("/svatest/request/ring/abort",
                        GINT_TO_POINTER(RING_ABORT), ring_case);
    ADD("credits/none", test_no_credit);
    ADD("credits/limit", test_credits);
    ADD("stop/idle", test_stop_idle);
    ADD("stop/waits", test_stop_waits);
    ADD("stop/marker", test_stop_marker);
    ADD("stop/reserved", test_stop_reserved);
    return g_test_run();
}
