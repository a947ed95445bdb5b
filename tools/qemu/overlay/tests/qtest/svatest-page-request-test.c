/*
 * Page requests: queue, event, checks, overflow, responses, drain
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define DID     ENV_DID
#define IOVA    ENV_IOVA
#define OLD     ENV_OLD
#define NEW     ENV_NEW

#define READ        SVATEST_PR_READ
#define WRITE       SVATEST_PR_WRITE
#define LAST        SVATEST_PR_LAST
#define WAIT        SVATEST_PR_WAIT

typedef SvaEnv Env;

static void expect_request(Env *e, uint64_t q0, uint64_t q1)
{
    uint64_t d[4];

    g_assert_true(vtd_pq_next(e->s, d));
    g_assert_cmphex(d[0], ==, q0);
    g_assert_cmphex(d[1], ==, q1);
    g_assert_cmphex(d[2], ==, 0);
    g_assert_cmphex(d[3], ==, 0);
}

#define Q0  (1ull | 1 << 8 | SID0 << 16 | (uint64_t)PASID << 32)

typedef struct Field {
    const char *name;
    uint64_t aux;
    uint64_t q0, q1;
} Field;

static const Field fields[] = {
    { "read", READ | LAST | 1, Q0, IOVA | 1 | 4 | 1 << 3 },
    { "write", WRITE | LAST | 2, Q0, IOVA | 2 | 4 | 2 << 3 },
    { "read-write", READ | WRITE | LAST | 3, Q0, IOVA | 3 | 4 | 3 << 3 },
    { "not-last", READ | 4, Q0, IOVA | 1 | 4 << 3 },
    { "index-511", READ | LAST | 511, Q0, IOVA | 1 | 4 | 511 << 3 },
    { "index-256", READ | LAST | 256, Q0, IOVA | 1 | 4 | 256 << 3 },
    { "exec", READ | SVATEST_PR_EXEC | LAST | 5, Q0 | 1ull << 52,
      IOVA | 1 | 4 | 5 << 3 },
};

static void field_case(const void *opaque)
{
    const Field *f = opaque;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA, 1, f->aux);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR);
    expect_request(&e, f->q0, f->q1);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

static void test_field_priv(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_set_bits(e.s, vtd_entry_at(e.s, SID0, PASID) + 16, PE_SRE);
    sva_page_request(&e.d, PASID, IOVA, 1,
                     READ | LAST | SVATEST_PR_PRIV | 7);
    expect_request(&e, Q0 | 1ull << 53, IOVA | 1 | 4 | 7 << 3);
    sva_quit(e.s);
}

static void test_field_no_pasid(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, NO_PASID, IOVA, 1, READ | LAST | 9);
    expect_request(&e, 1 | SID0 << 16, IOVA | 1 | 4 | 9 << 3);
    sva_quit(e.s);
}

static void test_stop_marker(void)
{
    Env e = { };
    uint64_t d[4];
    SvaResult r;

    sva_env_start_pri(&e, "");
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_STOPMARK, .pasid = sva_desc_pasid(PASID),
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[0], ==, Q0);
    g_assert_cmphex(d[1] & 7, ==, 4);
    sva_quit(e.s);
}

static void test_group(void)
{
    Env e = { };
    int i;

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA, 3, READ | LAST | 6);
    for (i = 0; i < 3; i++) {
        expect_request(&e, Q0, (IOVA + i * KiB4) | 1 | (i == 2 ? 4 : 0) |
                       6 << 3);
    }
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

/* SRE and ERS do not matter for these: software decides about them. */
static void test_privileged(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST | SVATEST_PR_PRIV | 7);
    expect_request(&e, Q0 | 1ull << 53, IOVA | 1 | 4 | 7 << 3);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* What is wrong is said by a fault record; the queue never sees the request. */
typedef struct Check {
    const char *name;
    uint8_t fault;
    int where;          /* 0 context, 1 directory, 2 entry, 3 root */
    uint64_t set, clear;
    uint64_t aux;
} Check;

static const Check checks[] = {
    { "root-absent", 0x39, 3, 0, 1 },
    { "context-absent", 0x41, 0, 0, CTX_P },
    { "context-reserved", 0x42, 0, 1 << 6, 0 },
    { "pasid-off", 0x45, 0, 0, CTX_PASIDE },
    { "requests-off", 0x47, 0, 0, CTX_PRE },
    { "limit", 0x46, 0, 0, CTX_PDTS(7) },
    { "directory-absent", 0x51, 1, 0, 1 },
    { "directory-reserved", 0x52, 1, 1 << 5, 0 },
    { "entry-absent", 0x59, 2, 0, 1 },
    { "entry-reserved", 0x5a, 2, 1 << 10, 0 },
    { "entry-invalid", 0x5b, 2, 0, 7 << 6 },
    { "requests-alone", 0x43, 0, 0, CTX_DTE },
};

static uint64_t check_at(Env *e, const Check *c)
{
    switch (c->where) {
    case 0:
        return vtd_context_at(e->s, SID0);
    case 1:
        return vtd_dir_at(e->s, SID0, PASID);
    case 2:
        return vtd_entry_at(e->s, SID0, PASID);
    default:
        return vtd_root_at(e->s, SID0);
    }
}

static void check_case(const void *opaque)
{
    const Check *c = opaque;
    Env e = { };
    uint64_t at;
    SvaResult r;
    SvaFault f;

    sva_env_start_pri(&e, "");
    at = check_at(&e, c);
    sva_clear_bits(e.s, at, c->clear);
    sva_set_bits(e.s, at, c->set);
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .aux = READ | LAST | WAIT | c->aux | 12,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_PAGE_INVALID);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, 0);
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.reason, ==, c->fault);
    g_assert_cmphex(f.sid, ==, SID0);
    g_assert_cmphex(f.pasid, ==, PASID);
    g_assert_cmphex(f.addr, ==, IOVA);
    g_assert_false(f.t1);
    g_assert_true(f.t2);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

static void test_check_legacy(void)
{
    Env e = { };
    SvaFault f;

    sva_env_start_pri(&e, "");
    vtd_set_root(e.s, TTM_LEGACY);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.reason, ==, 0x32);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

/* A page that is absent is what page requests are for. */
static void test_absent_page(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA + 5 * KiB4, 1, READ | LAST);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

static void test_event(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, EVENT_IM);
    vtd_writel(e.s, VTD_PEDATA, 0x71);
    vtd_writel(e.s, VTD_PEADDR, 0xfee00000);
    vtd_writel(e.s, VTD_PECTL, 0);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    g_assert_true(sva_vector(e.s, 0x71));
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, 0);
    vtd_writel(e.s, VTD_PEDATA, 0x72);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    g_assert_false(sva_vector(e.s, 0x72));
    vtd_writel(e.s, VTD_PRS, PRS_PPR);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, 0);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    g_assert_true(sva_vector(e.s, 0x72));
    sva_quit(e.s);
}

static void test_event_masked(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    vtd_writel(e.s, VTD_PEDATA, 0x73);
    vtd_writel(e.s, VTD_PEADDR, 0xfee00000);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, EVENT_IM | EVENT_IP);
    g_assert_false(sva_vector(e.s, 0x73));
    vtd_writel(e.s, VTD_PECTL, 0);
    g_assert_true(sva_vector(e.s, 0x73));
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, 0);
    sva_quit(e.s);
}

static void test_event_served(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    vtd_writel(e.s, VTD_PEDATA, 0x74);
    vtd_writel(e.s, VTD_PEADDR, 0xfee00000);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    vtd_writel(e.s, VTD_PRS, PRS_PPR);
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, EVENT_IM);
    vtd_writel(e.s, VTD_PECTL, 0);
    g_assert_false(sva_vector(e.s, 0x74));
    sva_quit(e.s);
}

/* 127 requests fit into 128 entries; the next ones are dropped. */
static void test_overflow(void)
{
    Env e = { };
    uint64_t d[4];
    SvaResult r;

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA, 127,
                     READ | SVATEST_PR_SAME_ADDR | 1);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 127);
    /* The last of a group: the unit itself answers Success */
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .aux = READ | LAST | WAIT | 2,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR | PRS_PRO);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 127);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_AUTO_RESPONSES),
                     ==, 1);
    /* Room again, but PRO stands */
    g_assert_true(vtd_pq_next(e.s, d));
    sva_page_request(&e.d, PASID, IOVA, 1, READ | 3);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 126);
    vtd_writel(e.s, VTD_PRS, PRS_PRO);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | 4);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 127);
    sva_quit(e.s);
}

static void test_overflow_silent(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA, 130,
                     READ | SVATEST_PR_SAME_ADDR | 1);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR | PRS_PRO);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_AUTO_RESPONSES),
                     ==, 0);
    sva_quit(e.s);
}

static void test_wrap(void)
{
    Env e = { };
    int i;

    sva_env_start_pri(&e, "");
    for (i = 0; i < 140; i++) {
        sva_page_request(&e.d, PASID, IOVA, 1, READ | (i & 0x1ff));
        expect_request(&e, Q0, IOVA | 1 | i << 3);
    }
    g_assert_cmphex(vtd_readq(e.s, VTD_PQT), ==, (140 - 128) * 32);
    sva_quit(e.s);
}

/* The answer reaches the one that asked, as it was given. */
typedef struct Response {
    const char *name;
    uint16_t sid;
    uint32_t pasid;
    unsigned prgi, code;
    uint32_t status;    /* NONE: it goes on waiting */
} Response;

static const Response responses[] = {
    { "success", SID0, PASID, 33, 0, SVATEST_ST_OK },
    { "invalid", SID0, PASID, 33, 1, SVATEST_ST_PAGE_INVALID },
    { "failure", SID0, PASID, 33, 0xf, SVATEST_ST_PAGE_FAILURE },
    { "other-device", SID1, PASID, 33, 0, SVATEST_ST_NONE },
    { "other-index", SID0, PASID, 34, 0, SVATEST_ST_NONE },
    { "no-such-device", BDF(0, 9, 0), PASID, 33, 0, SVATEST_ST_NONE },
};

static void response_case(const void *opaque)
{
    const Response *c = opaque;
    Env e = { };
    SvaResult r;

    sva_env_start_pri(&e, "");
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .aux = READ | LAST | WAIT | 33,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_NONE);
    vtd_iq(e.s, vtd_resp_q0(c->sid, c->pasid, c->code), vtd_resp_q1(c->prgi));
    g_assert_true(vtd_wait(e.s));
    r = sva_result(&e.d);
    g_assert_cmphex(r.status, ==, c->status);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    sva_quit(e.s);
}

/* Table 27: what a queued request drops of the unit's caches */
typedef struct Implicit {
    const char *name;
    enum { FIRST, SECOND, NESTED } mode;
    uint32_t pasid;
    uint64_t addr;
    bool drops;
} Implicit;

static const Implicit implicits[] = {
    { "first/same-page", FIRST, PASID, IOVA, true },
    { "first/other-page", FIRST, PASID, IOVA + KiB4, false },
    { "first/other-pasid", FIRST, ENV_OTHER, IOVA, false },
    { "second/same-page", SECOND, PASID, IOVA, true },
    { "second/other-page", SECOND, PASID, IOVA + KiB4, false },
    { "second/other-pasid", SECOND, ENV_OTHER, IOVA, true },
    { "nested/same-page", NESTED, PASID, IOVA, true },
    { "nested/other-page", NESTED, PASID, IOVA + 7 * KiB4, true },
    { "nested/other-pasid", NESTED, ENV_OTHER, IOVA, true },
};

static void implicit_case(const void *opaque)
{
    const Implicit *i = opaque;
    SvaTable ss, fs;
    Env e = { };
    uint64_t leaf;

    sva_env_start_pri(&e, "");
    leaf = e.leaf;
    vtd_table(&ss, e.s, true, 4, NULL);
    if (i->mode == SECOND) {
        leaf = vtd_map(&ss, IOVA, e.old, SS_ALL, 1);
        e.entry = vtd_entry_second(&ss, 77);
    } else if (i->mode == NESTED) {
        vtd_table(&fs, e.s, false, 4, &ss);
        leaf = vtd_map(&ss, GPA(e.old), e.old, SS_ALL, 1);
        vtd_map(&fs, IOVA, GPA(e.old), FS_ALL, 1);
        e.entry = vtd_entry_nested(&fs, 77);
    }
    vtd_bind(e.s, SID0, PASID, &e.entry);
    vtd_bind(e.s, SID0, ENV_OTHER, &e.entry);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, 0), ==, OLD);
    sva_write64(e.s, leaf, e.new | FS_ALL);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, 0), ==, OLD);
    sva_page_request(&e.d, i->pasid, i->addr, 1, READ | LAST);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, 0), ==, i->drops ? NEW : OLD);
    sva_quit(e.s);
}

/* Nothing is dropped for a request that does not reach the queue. */
static void test_implicit_overflow(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA + KiB4, 128,
                     READ | SVATEST_PR_SAME_ADDR);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR | PRS_PRO);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, 0), ==, OLD);
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, 0), ==, OLD);
    sva_quit(e.s);
}

/* A stop marker for which there is no room is dropped, and PRO not set. */
static void test_overflow_marker(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA, 127, READ | SVATEST_PR_SAME_ADDR);
    g_assert_cmphex(sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_STOPMARK, .pasid = sva_desc_pasid(PASID),
    }).status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 127);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR);
    sva_quit(e.s);
}

/* Requests stay in the fabric until time, a drain or an acknowledgement. */
static void test_delay_time(void)
{
    Env e = { };

    sva_env_start_pri(&e, ",prq-delay-us=1000");
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_true(vtd_wait(e.s));
    g_assert_true(vtd_wait_flags(e.s, WAIT_SW | WAIT_FN));
    vtd_iq(e.s, vtd_piotlb_q0(PIOTLB_ALL, DID, PASID), 0);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    qtest_clock_step(e.s->qts, 999 * 1000);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    qtest_clock_step(e.s->qts, 2 * 1000);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    sva_quit(e.s);
}

static void test_delay_drain(void)
{
    Env e = { };

    sva_env_start_pri(&e, ",prq-delay-us=1000");
    sva_page_request(&e.d, PASID, IOVA, 3, READ | LAST);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_true(vtd_wait_flags(e.s, WAIT_SW | WAIT_PD));
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 3);
    sva_quit(e.s);
}

static void test_delay_acknowledgement(void)
{
    Env e = { };

    sva_env_start_pri(&e, ",prq-delay-us=1000");
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    vtd_iq(e.s, vtd_pdev_q0(SID1, SID1, PASID), DEV_ALL | 1 << 11);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), DEV_ALL | 1 << 11);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    sva_quit(e.s);
}

/*
 * Refused without LPIG: nobody is waiting for an answer. A stop marker is
 * dropped without even a record (ECAP.SMS).
 */
static void silent_case(const void *opaque)
{
    uint64_t aux = GPOINTER_TO_UINT(opaque);
    Env e = { };
    SvaFault f;

    sva_env_start_pri(&e, "");
    sva_clear_bits(e.s, vtd_entry_at(e.s, SID0, PASID), PE_P);
    sva_page_request(&e.d, PASID, IOVA, 1, aux);
    if (aux & (READ | WRITE)) {
        g_assert_true(vtd_fault_next(e.s, &f));
        g_assert_cmphex(f.reason, ==, 0x59);
    }
    vtd_expect_no_fault(e.s);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_AUTO_RESPONSES),
                     ==, 0);
    sva_quit(e.s);
}

/* A request that only writes is answered like any other. */
static void test_refused_write(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start_pri(&e, "");
    sva_clear_bits(e.s, vtd_entry_at(e.s, SID0, PASID), PE_P);
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .aux = WRITE | LAST | WAIT,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_PAGE_INVALID);
    sva_quit(e.s);
}

/* The answer of the unit carries the PASID and the index of the request. */
static void test_refused_no_pasid(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start_pri(&e, "");
    vtd_unbind(e.s, SID0, 0);
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .src = IOVA,
        .aux = READ | LAST | WAIT | 77,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_PAGE_INVALID);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_RESP_UNKNOWN), ==, 0);
    sva_quit(e.s);
}

/* A queue that is not in memory takes nothing: an overflow. */
static void test_queue_hole(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    vtd_writeq(e.s, VTD_PQA, 0x700000000000ull);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | LAST);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PRO);
    g_assert_cmphex(vtd_readq(e.s, VTD_PQT), ==, 0);
    sva_quit(e.s);
}

/* IP goes when both PPR and PRO are gone, not before. */
static void test_event_both(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_page_request(&e.d, PASID, IOVA, 130, READ | SVATEST_PR_SAME_ADDR);
    g_assert_cmphex(vtd_readl(e.s, VTD_PRS), ==, PRS_PPR | PRS_PRO);
    vtd_writel(e.s, VTD_PRS, PRS_PPR);
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, EVENT_IM | EVENT_IP);
    /* Written with IM still set: pending as before */
    vtd_writel(e.s, VTD_PECTL, EVENT_IM);
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, EVENT_IM | EVENT_IP);
    vtd_writel(e.s, VTD_PRS, PRS_PRO);
    g_assert_cmphex(vtd_readl(e.s, VTD_PECTL), ==, EVENT_IM);
    sva_quit(e.s);
}

/* Requests of two endpoints, under way at different times */
static void test_delay_two(void)
{
    uint64_t d[4];
    Env e = { };
    SvaEntry entry;
    SvaDev other;
    int i;

    sva_env_start_pri(&e, ",prq-delay-us=1000");
    sva_dev_init(&other, e.s, SID1);
    sva_dev_pasid(&other, true);
    vtd_context(e.s, SID1, CTX_ALL);
    entry = vtd_entry_first(&e.fs, DID);
    vtd_bind(e.s, SID1, PASID, &entry);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | 1);
    qtest_clock_step(e.s->qts, 400 * 1000);
    sva_page_request(&other, PASID, IOVA, 1, READ | 2);
    qtest_clock_step(e.s->qts, 400 * 1000);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | 3);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    qtest_clock_step(e.s->qts, 200 * 1000);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    /* The one of the other endpoint stays behind this. */
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), DEV_ALL | 1 << 11);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 2);
    qtest_clock_step(e.s->qts, 399 * 1000);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 2);
    qtest_clock_step(e.s->qts, 1000);
    for (i = 0; i < 3; i++) {
        static const unsigned order[] = { 1, 3, 2 };

        g_assert_true(vtd_pq_next(e.s, d));
        g_assert_cmpuint(d[1] >> 3 & 0x1ff, ==, order[i]);
        g_assert_cmphex(d[0] >> 16 & 0xffff, ==, i == 2 ? SID1 : SID0);
    }
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    sva_quit(e.s);
}

/* Due one after the other: the clock is set again for the second. */
static void test_delay_again(void)
{
    Env e = { };

    sva_env_start_pri(&e, ",prq-delay-us=1000");
    sva_page_request(&e.d, PASID, IOVA, 1, READ | 1);
    qtest_clock_step(e.s->qts, 500 * 1000);
    sva_page_request(&e.d, PASID, IOVA, 1, READ | 2);
    qtest_clock_step(e.s->qts, 600 * 1000);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    qtest_clock_step(e.s->qts, 400 * 1000);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 2);
    sva_quit(e.s);
}

/* The fabric holds 65536 requests; one more pushes all of them on. */
static void test_delay_capacity(void)
{
    Env e = { };
    int i;

    sva_env_start_pri(&e, ",prq-delay-us=1000000");
    for (i = 0; i < 2; i++) {
        sva_page_request(&e.d, PASID, IOVA, 65536,
                         READ | SVATEST_PR_SAME_ADDR);
        g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
        if (i) {
            sva_page_request(&e.d, PASID, IOVA, 1, READ);
        } else {
            g_assert_true(vtd_wait_flags(e.s, WAIT_SW | WAIT_PD));
        }
        g_assert_cmpuint(vtd_pq_count(e.s), ==, 127);
        vtd_writeq(e.s, VTD_PQH, vtd_readq(e.s, VTD_PQT));
        vtd_writel(e.s, VTD_PRS, PRS_PPR | PRS_PRO);
    }
    sva_quit(e.s);
}

/* What the unit answers by itself is delivered before the drain ends. */
static void test_drain_answers(void)
{
    Env e = { };
    SvaResult r;

    sva_env_start_pri(&e, ",prq-delay-us=1000");
    sva_clear_bits(e.s, vtd_entry_at(e.s, SID0, PASID), PE_P);
    r = sva_run(&e.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(PASID),
        .src = IOVA, .aux = READ | LAST | WAIT | 5,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_NONE);
    g_assert_true(vtd_wait_flags(e.s, WAIT_SW | WAIT_PD));
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_RESP_INVALID), ==, 1);
    sva_quit(e.s);
}

/* A reset of the function recalls nothing that is on the link. */
static void test_delay_reset(void)
{
    Env e = { };

    sva_env_start_pri(&e, ",prq-delay-us=1000");
    sva_page_request(&e.d, PASID, IOVA, 3, READ | LAST);
    sva_dev_flr(&e.d);
    g_assert_true(vtd_wait_flags(e.s, WAIT_SW | WAIT_PD));
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 3);
    sva_quit(e.s);
}

/* Requests of a device that goes do not arrive any more, those of others do. */
static void test_unplug(void)
{
    const uint16_t port = BDF(0, 6, 0), behind = BDF(1, 0, 0);
    uint64_t q[4];
    unsigned slot;
    SvaDev gone;
    SvaEnv e = { };

    sva_env_start(&e, ",prq-delay-us=1000",
                  " -device pcie-root-port,id=p,addr=6"
                  " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
                  " -device svatest,id=t2,bus=p");
    sva_dev_pri(&e.d, true);
    e.s->mmio = QEMU_ALIGN_UP(e.s->mmio, 0x10000000);
    sva_cfg_writel(e.s, port, 0x18, 0x00010100);
    sva_cfg_writel(e.s, port, 0x20, (e.s->mmio >> 16 & 0xfff0) |
                   ((e.s->mmio + 0x0fffffff) & 0xfff00000));
    sva_cfg_writew(e.s, port, 0x04, 0x6);
    sva_dev_init(&gone, e.s, behind);
    sva_dev_pasid(&gone, true);
    sva_dev_ats(&gone, true);
    sva_dev_pri(&gone, true);
    vtd_context(e.s, behind, CTX_ALL);
    vtd_bind(e.s, behind, ENV_PASID, &e.entry);
    vtd_flush_all(e.s);
    sva_page_request(&gone, ENV_PASID, ENV_IOVA, 1, SVATEST_PR_READ);
    sva_page_request(&e.d, ENV_PASID, ENV_IOVA, 1, SVATEST_PR_READ);
    sva_page_request(&gone, ENV_PASID, ENV_IOVA, 1, SVATEST_PR_READ);
    slot = sva_cap(e.s, port, CAP_PCIE) + 0x18;
    sva_cfg_writew(e.s, port, slot, 0x01c0);
    sva_cfg_writew(e.s, port, slot, 0x07c0);
    qtest_qmp_eventwait(e.s->qts, "DEVICE_DELETED");
    qtest_clock_step(e.s->qts, 2 * 1000 * 1000);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    g_assert_true(vtd_pq_next(e.s, q));
    g_assert_cmphex(q[0] >> 16 & 0xffff, ==, SID0);
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    SVA_ADD_TABLE("page-request/field", fields, field_case);
    SVA_ADD_TABLE("page-request/check", checks, check_case);
    SVA_ADD_TABLE("page-request/response", responses, response_case);
    SVA_ADD_TABLE("page-request/implicit", implicits, implicit_case);
#define ADD(name, fn) qtest_add_func("/svatest/page-request/" name, fn)
    ADD("field/privileged", test_field_priv);
    ADD("field/no-pasid", test_field_no_pasid);
    ADD("check/privileged", test_privileged);
    ADD("implicit/overflow", test_implicit_overflow);
    ADD("overflow/stop-marker", test_overflow_marker);
    ADD("stop-marker", test_stop_marker);
    ADD("group", test_group);
    ADD("check/legacy", test_check_legacy);
    ADD("absent-page", test_absent_page);
    qtest_add_data_func("/svatest/page-request/refused/not-last",
                        GUINT_TO_POINTER(READ), silent_case);
    qtest_add_data_func("/svatest/page-request/refused/stop-marker",
                        GUINT_TO_POINTER(LAST), silent_case);
    ADD("refused/write", test_refused_write);
    ADD("refused/no-pasid", test_refused_no_pasid);
    ADD("queue-hole", test_queue_hole);
    ADD("event/both", test_event_both);
    ADD("delay/two-endpoints", test_delay_two);
    ADD("delay/again", test_delay_again);
    ADD("delay/drain-answers", test_drain_answers);
    ADD("delay/reset", test_delay_reset);
    ADD("delay/capacity", test_delay_capacity);
    ADD("event/sent", test_event);
    ADD("event/masked", test_event_masked);
    ADD("event/served", test_event_served);
    ADD("overflow/answered", test_overflow);
    ADD("overflow/silent", test_overflow_silent);
    ADD("wrap", test_wrap);
    ADD("delay/time", test_delay_time);
    ADD("delay/drain", test_delay_drain);
    ADD("delay/acknowledgement", test_delay_acknowledgement);
    qtest_add_func("/svatest/page-request/unplug", test_unplug);
    return g_test_run();
}
