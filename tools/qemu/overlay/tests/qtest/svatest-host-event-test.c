/*
 * Devices of the host: page requests, faults, errors, and hostile guests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "svatest-host.h"

#define COOKIE  0x51u
#define PRGI    17

static void start(Host *h)
{
    host_start_bound(h, HOST_DEV);
    vtd_pq_init(h->s, 0);
}

static void send_group(Host *h, unsigned prgi, uint32_t cookie)
{
    host_send(h, H_PAGE_REQUEST, HPASID, HADDR,
              H_READ | H_LAST | H_NEEDS_PASID, prgi, cookie);
}

static void answer(Host *h, uint32_t pasid, unsigned prgi, unsigned code)
{
    host_flush(h, vtd_resp_q0(SID0, pasid, code), vtd_resp_q1(prgi));
}

/* What svahost logs of a response, alone in its call */
static uint64_t response_arg(unsigned code, unsigned prgi)
{
    return code | prgi << 8 | 1 << 24 | 1ull << 32;
}

static void expect_response(Host *h, unsigned code, unsigned prgi,
                            uint32_t cookie)
{
    host_idle(h);
    host_expect(h, C_RESPOND, HPASID, cookie, response_arg(code, prgi));
    host_expect_none(h);
}

/* Let the unit's own answers go out. */
static void settle(Host *h)
{
    host_wait_flags(h, WAIT_PD);
    host_idle(h);
}

typedef struct Field {
    const char *name;
    uint32_t pasid, flags;
    unsigned prgi;
    uint64_t q0, q1;
} Field;

#define Q0  (1ull | 1 << 8 | SID0 << 16 | (uint64_t)HPASID << 32)

static const Field fields[] = {
    { "read", HPASID, H_READ | H_LAST, 1, Q0, HADDR | 1 | 4 | 1 << 3 },
    { "write", HPASID, H_WRITE | H_LAST, 2, Q0, HADDR | 2 | 4 | 2 << 3 },
    { "not-last", HPASID, H_READ, 3, Q0, HADDR | 1 | 3 << 3 },
    { "index-511", HPASID, H_READ | H_LAST, 511, Q0, HADDR | 1 | 4 | 511 << 3 },
    { "exec", HPASID, H_READ | H_EXEC | H_LAST, 5, Q0 | 1ull << 52,
      HADDR | 1 | 4 | 5 << 3 },
    { "privileged", HPASID, H_READ | H_PRIV | H_LAST, 5, Q0 | 1ull << 53,
      HADDR | 1 | 4 | 5 << 3 },
    { "without-pasid", NO_PASID, H_READ | H_LAST, 6, 1ull | SID0 << 16,
      HADDR | 1 | 4 | 6 << 3 },
};

static void field_case(const void *opaque)
{
    const Field *f = opaque;
    uint64_t d[4];
    Host h;

    start(&h);
    host_send(&h, H_PAGE_REQUEST, f->pasid, HADDR, f->flags, f->prgi, COOKIE);
    g_assert_cmphex(vtd_readl(h.s, VTD_PRS), ==, PRS_PPR);
    g_assert_true(vtd_pq_next(h.s, d));
    g_assert_cmphex(d[0], ==, f->q0);
    g_assert_cmphex(d[1], ==, f->q1);
    settle(&h);
    host_expect_none(&h);
    host_quit(&h);
}

/* Codes that are neither success nor invalid request are failures. */
static void test_codes(void)
{
    unsigned code;
    Host h;

    host_start_bound(&h, HOST_DEV ",page-request-limit=4");
    vtd_pq_init(h.s, 0);
    for (code = 0; code < 16; code++) {
        send_group(&h, PRGI, COOKIE + code);
        answer(&h, HPASID, PRGI, code);
        expect_response(&h, code < 2 ? code : R_FAILURE, PRGI, COOKIE + code);
    }
    host_quit(&h);
}

/* Answers that nobody has asked for do not reach the host. */
static void test_made_up(void)
{
    Host h;

    start(&h);
    answer(&h, HPASID, PRGI, 0);
    send_group(&h, PRGI, COOKIE);
    answer(&h, HPASID + 1, PRGI, 0);
    answer(&h, HPASID, PRGI + 1, 0);
    answer(&h, NO_PASID, PRGI, 0);
    host_flush(&h, vtd_resp_q0(SID1, HPASID, 0), vtd_resp_q1(PRGI));
    host_expect_none(&h);
    answer(&h, HPASID, PRGI, 0);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE);
    answer(&h, HPASID, PRGI, 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* The index comes again while it waits: the host has ended the first group. */
static void test_index_again(void)
{
    Host h;

    start(&h);
    send_group(&h, PRGI, COOKIE);
    send_group(&h, PRGI, COOKIE + 1);
    answer(&h, HPASID, PRGI, 1);
    host_idle(&h);
    host_expect_none(&h);
    answer(&h, HPASID, PRGI, 0);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE + 1);
    host_quit(&h);
}

/* The host says that it has ended a group. */
static void test_ended(void)
{
    Host h;

    start(&h);
    send_group(&h, PRGI, COOKIE);
    host_send(&h, H_END, HPASID, 0, 0, PRGI, COOKIE);
    host_send(&h, H_END, HPASID, 0, 0, PRGI, COOKIE);
    answer(&h, HPASID, PRGI, 0);
    host_idle(&h);
    host_expect_none(&h);
    send_group(&h, PRGI, COOKIE + 1);
    /* Answered already, or never seen: nothing to swallow. */
    host_send(&h, H_END, HPASID, 0, 0, PRGI, COOKIE);
    answer(&h, HPASID, PRGI, 0);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE + 1);
    host_quit(&h);
}

/* A guest that drops a request does not shift its answers for ever. */
static void test_dead_expires(void)
{
    Host h;

    start(&h);
    send_group(&h, PRGI, COOKIE);
    host_send(&h, H_END, HPASID, 0, 0, PRGI, COOKIE);
    qtest_clock_step(h.s->qts, 59 * 1000000000ll);
    send_group(&h, PRGI, COOKIE + 1);
    answer(&h, HPASID, PRGI, 0);
    host_idle(&h);
    host_expect_none(&h);
    send_group(&h, PRGI + 1, COOKIE + 2);
    host_send(&h, H_END, HPASID, 0, 0, PRGI + 1, COOKIE + 2);
    send_group(&h, PRGI + 1, COOKIE + 3);
    qtest_clock_step(h.s->qts, 61 * 1000000000ll);
    answer(&h, HPASID, PRGI + 1, 0);
    expect_response(&h, R_SUCCESS, PRGI + 1, COOKIE + 3);
    host_quit(&h);
}

/* The host answers for a PASID that is unbound; so must nobody else. */
static void test_unbind_forgets(void)
{
    Host h;

    start(&h);
    send_group(&h, PRGI, COOKIE);
    host_clear(&h, HPASID);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect(&h, C_UNBIND, HPASID, 0, 0);
    answer(&h, HPASID, PRGI, 0);
    host_idle(&h);
    host_expect_none(&h);
    host_quit(&h);
}

/* The same when the PASID gets another table. */
static void test_replace_forgets(void)
{
    Host h;

    start(&h);
    send_group(&h, PRGI, COOKIE);
    vtd_table(&h.fs, h.s, false, 4, NULL);
    host_entry(&h, HPASID, HDID);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    answer(&h, HPASID, PRGI, 0);
    host_idle(&h);
    host_expect_none(&h);
    host_quit(&h);
}

/* Requests that the host had not told yet come before the wait is over. */
static void test_unbind_delivers(void)
{
    Host h;

    start(&h);
    host_set(&h, H_LAZY, 1);
    send_group(&h, PRGI, COOKIE);
    host_wait(&h);
    g_assert_cmpuint(host_get(&h, H_DELIVERED), ==, 0);
    host_clear(&h, HPASID);
    host_pasid_flush(&h, HPASID, HDID);
    g_assert_cmpuint(host_get(&h, H_DELIVERED), ==, 1);
    g_assert_cmpuint(vtd_pq_count(h.s), ==, 0);
    host_quit(&h);
}

static void test_drain_delivers(void)
{
    Host h;

    host_start_bound(&h, HOST_RID);
    vtd_pq_init(h.s, 0);
    host_set(&h, H_LAZY, 1);
    send_group(&h, PRGI, COOKIE);
    host_wait(&h);
    g_assert_cmpuint(vtd_pq_count(h.s), ==, 0);
    host_expect_none(&h);
    host_wait_flags(&h, WAIT_PD);
    g_assert_cmpuint(vtd_pq_count(h.s), ==, 1);
    host_expect(&h, C_DRAIN, 0, 0, 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* The guest has reset the interface: the host still waits for answers. */
static void test_interface_reset(void)
{
    Host h;

    start(&h);
    send_group(&h, PRGI, COOKIE);
    host_send(&h, H_RESET, HPASID, 0, 0, 0, 0);
    expect_response(&h, R_INVALID, PRGI, COOKIE);
    answer(&h, HPASID, PRGI, 0);
    host_idle(&h);
    host_expect_none(&h);
    host_quit(&h);
}

/* Groups that the host has ended are none that it waits for. */
static void test_interface_reset_dead(void)
{
    Host h;

    start(&h);
    send_group(&h, PRGI, COOKIE);
    host_send(&h, H_END, HPASID, 0, 0, PRGI, COOKIE);
    send_group(&h, PRGI + 1, COOKIE + 1);
    host_send(&h, H_RESET, HPASID, 0, 0, 0, 0);
    expect_response(&h, R_INVALID, PRGI + 1, COOKIE + 1);
    host_quit(&h);
}

/* The same index in two address spaces is two groups. */
static void start_two(Host *h)
{
    start(h);
    host_entry(h, HPASID + 1, HDID);
    host_pasid_flush(h, HPASID + 1, HDID);
    host_expect(h, C_BIND, HPASID + 1, h->fs.root, 48);
}

static void send_other(Host *h, unsigned prgi, uint32_t cookie)
{
    host_send(h, H_PAGE_REQUEST, HPASID + 1, HADDR,
              H_READ | H_LAST | H_NEEDS_PASID, prgi, cookie);
}

static void expect_other(Host *h, unsigned code, unsigned prgi, uint32_t cookie)
{
    host_idle(h);
    host_expect(h, C_RESPOND, HPASID + 1, cookie, response_arg(code, prgi));
    host_expect_none(h);
}

static void test_two_pasids(void)
{
    Host h;

    start_two(&h);
    send_group(&h, PRGI, COOKIE);
    send_other(&h, PRGI, COOKIE + 1);
    answer(&h, HPASID + 1, PRGI, 1);
    expect_other(&h, R_INVALID, PRGI, COOKIE + 1);
    answer(&h, HPASID, PRGI, 0);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE);
    host_quit(&h);
}

static void test_unbind_other(void)
{
    Host h;

    start_two(&h);
    send_group(&h, PRGI, COOKIE);
    send_other(&h, PRGI, COOKIE + 1);
    host_clear(&h, HPASID);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect(&h, C_UNBIND, HPASID, 0, 0);
    answer(&h, HPASID + 1, PRGI, 0);
    expect_other(&h, R_SUCCESS, PRGI, COOKIE + 1);
    host_quit(&h);
}

static void fill_queue(Host *h)
{
    vtd_writeq(h->s, VTD_PQT, (vtd_readq(h->s, VTD_PQH) - 32) & 0xfe0);
}

/* No room: the device is to ask again. */
static void test_queue_full(void)
{
    Host h;

    start(&h);
    fill_queue(&h);
    send_group(&h, PRGI, COOKIE);
    settle(&h);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE);
    g_assert_cmphex(vtd_readl(h.s, VTD_PRS), ==, PRS_PRO);
    answer(&h, HPASID, PRGI, 0);
    host_idle(&h);
    host_expect_none(&h);
    host_quit(&h);
}

/* It is the last group of that name that the unit answers by itself. */
static void test_queue_full_again(void)
{
    Host h;

    start(&h);
    send_group(&h, PRGI, COOKIE);
    fill_queue(&h);
    send_group(&h, PRGI, COOKIE + 1);
    settle(&h);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE + 1);
    host_quit(&h);
}

/* The unit refuses one group; the guest is to answer the one of that index. */
static void test_refused_one(void)
{
    Host h;

    start_two(&h);
    host_set(&h, H_LAZY, 1);
    sva_clear_bits(h.s, vtd_entry_at(h.s, SID0, HPASID), PE_P);
    send_group(&h, PRGI, COOKIE);
    send_other(&h, PRGI, COOKIE + 1);
    settle(&h);
    expect_response(&h, R_INVALID, PRGI, COOKIE);
    answer(&h, HPASID + 1, PRGI, 0);
    expect_other(&h, R_SUCCESS, PRGI, COOKIE + 1);
    host_quit(&h);
}

/* Each answer of the unit goes to the group of its index. */
static void test_queue_full_two(void)
{
    HostCall c;
    Host h;

    start(&h);
    fill_queue(&h);
    host_set(&h, H_LAZY, 1);
    send_group(&h, PRGI, COOKIE);
    send_group(&h, PRGI + 1, COOKIE + 1);
    settle(&h);
    g_assert_true(host_next(&h, &c));
    g_assert_cmphex(c.addr, ==, COOKIE);
    g_assert_true(host_next(&h, &c));
    g_assert_cmphex(c.addr, ==, COOKIE + 1);
    host_expect_none(&h);
    host_quit(&h);
}

static void test_queue_no_memory(void)
{
    Host h;

    start(&h);
    vtd_writeq(h.s, VTD_PQA, 0x100000000ull << 4);
    send_group(&h, PRGI, COOKIE);
    settle(&h);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE);
    host_quit(&h);
}

/* The guest's tables refuse the request: answered, and told. */
typedef struct Refused {
    const char *name;
    uint64_t ctx, pe;       /* bits to be cleared */
    uint8_t reason;
} Refused;

static const Refused refused[] = {
    { "entry", 0, PE_P, 0x59 },
    { "requests-off", CTX_PRE, 0, 0x47 },
    { "pasids-off", CTX_PASIDE, 0, 0x45 },
    { "context", CTX_P, 0, 0x41 },
};

static void refused_case(const void *opaque)
{
    const Refused *r = opaque;
    SvaFault want = { r->reason, SID0, HPASID, HADDR, .t2 = true };
    Host h;

    start(&h);
    sva_clear_bits(h.s, vtd_entry_at(h.s, SID0, HPASID), r->pe);
    sva_clear_bits(h.s, vtd_context_at(h.s, SID0), r->ctx);
    send_group(&h, PRGI, COOKIE);
    vtd_expect_fault(h.s, &want);
    g_assert_cmpuint(vtd_pq_count(h.s), ==, 0);
    settle(&h);
    expect_response(&h, R_INVALID, PRGI, COOKIE);
    host_quit(&h);
}

/* More groups than the host has outstanding: the oldest ones have ended. */
static void test_limit(void)
{
    unsigned i;
    Host h;

    host_start_bound(&h, HOST_DEV ",page-request-limit=4");
    vtd_pq_init(h.s, 2);
    for (i = 0; i < 300; i++) {
        send_group(&h, i, i);
    }
    for (i = 0; i < 296; i++) {
        answer(&h, HPASID, i, 0);
    }
    host_idle(&h);
    host_expect_none(&h);
    answer(&h, HPASID, 296, 0);
    expect_response(&h, R_SUCCESS, 296, 296);
    host_quit(&h);
}

/* Groups that have ended are not kept without bound. */
static void test_dead_bound(void)
{
    unsigned i;
    Host h;

    host_start_bound(&h, HOST_DEV ",page-request-limit=4");
    vtd_pq_init(h.s, 3);
    host_entry(&h, HPASID + 1, HDID);
    host_pasid_flush(&h, HPASID + 1, HDID);
    for (i = 0; i < 520; i++) {
        host_send(&h, H_PAGE_REQUEST, HPASID + i / 512, HADDR,
                  H_READ | H_LAST | H_NEEDS_PASID, i % 512, i);
    }
    settle(&h);
    host_forget(&h);
    send_group(&h, 0, COOKIE);
    answer(&h, HPASID, 0, 0);
    expect_response(&h, R_SUCCESS, 0, COOKIE);
    host_quit(&h);
}

/* Groups that were answered are not counted any more. */
static void test_dead_count(void)
{
    unsigned i;
    Host h;

    start(&h);
    for (i = 0; i <= 512; i++) {
        send_group(&h, PRGI, COOKIE);
        host_send(&h, H_END, HPASID, 0, 0, PRGI, COOKIE);
        vtd_writeq(h.s, VTD_PQH, vtd_readq(h.s, VTD_PQT));
        answer(&h, HPASID, PRGI, 0);
    }
    send_group(&h, PRGI, COOKIE);
    send_group(&h, PRGI, COOKIE + 1);
    answer(&h, HPASID, PRGI, 1);
    host_idle(&h);
    host_expect_none(&h);
    answer(&h, HPASID, PRGI, 0);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE + 1);
    host_quit(&h);
}

/* A group without PASID belongs to no binding. */
static void test_reset_forgets(void)
{
    Host h;

    start(&h);
    host_send(&h, H_PAGE_REQUEST, NO_PASID, HADDR, H_READ | H_LAST, PRGI,
              COOKIE);
    qtest_system_reset(h.s->qts);
    host_restart(&h);
    vtd_set_root(h.s, TTM_SCALABLE);
    vtd_iq_init(h.s, true);
    vtd_gcmd(h.s, GSTS_TE, true);
    host_wait(&h);
    host_forget(&h);
    answer(&h, NO_PASID, PRGI, 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* A group of two requests has one answer. */
static void test_two_requests(void)
{
    Host h;

    start(&h);
    host_send(&h, H_PAGE_REQUEST, HPASID, HADDR, H_READ, PRGI, 0);
    send_group(&h, PRGI, COOKIE);
    g_assert_cmpuint(vtd_pq_count(h.s), ==, 2);
    answer(&h, HPASID, PRGI, 0);
    expect_response(&h, R_SUCCESS, PRGI, COOKIE);
    host_quit(&h);
}

/* Unrecoverable faults: the reason is the one of the guest's own tables. */
typedef struct Walked {
    const char *name;
    uint32_t pasid;
    uint64_t addr, flags;   /* of the entry; 0: nothing is mapped */
    uint32_t access;
    uint32_t reason;        /* what the host says */
    uint8_t want;           /* 0: no record */
} Walked;

enum { UNKNOWN, FETCH, BAD_ENTRY, BAD_PASID, WALK_EABT, PTE_FETCH, PERMISSION,
       ACCESS, OOR };

static const Walked walked[] = {
    { "not-mapped", HPASID, HADDR, 0, H_READ, UNKNOWN, 0x71 },
    { "read-only", HPASID, HADDR, FS_P | FS_US, H_WRITE, UNKNOWN, 0x85 },
    { "supervisor", HPASID, HADDR, FS_P | FS_RW, H_READ, UNKNOWN, 0x81 },
    { "not-canonical", HPASID, 1ull << 52, 0, H_READ, UNKNOWN, 0x80 },
    { "reserved", HPASID, HADDR, FS_ALL | 1ull << 50, H_READ, UNKNOWN, 0x72 },
    { "entry-absent", HPASID + 1, HADDR, 0, H_READ, UNKNOWN, 0x59 },
    { "without-pasid", NO_PASID, HADDR, 0, H_WRITE, UNKNOWN, 0x85 },
    { "without-pasid-read", NO_PASID, HADDR, 0, H_READ, PTE_FETCH, 0x86 },
    { "execute", HPASID, HADDR, FS_ALL, H_READ | H_EXEC, UNKNOWN, 0x5c },
    { "privileged", HPASID, HADDR, FS_ALL, H_READ | H_PRIV, UNKNOWN, 0x5d },
    { "fault-disabled", HPASID + 2, HADDR, 0, H_READ, UNKNOWN, 0 },
    /* The tables grant it by now. */
    { "race/unknown", HPASID, HADDR, FS_ALL, H_READ, UNKNOWN, 0x86 },
    { "race/fetch", HPASID, HADDR, FS_ALL, H_READ, FETCH, 0x50 },
    { "race/bad-entry", HPASID, HADDR, FS_ALL, H_READ, BAD_ENTRY, 0x59 },
    { "race/bad-pasid", HPASID, HADDR, FS_ALL, H_READ, BAD_PASID, 0x46 },
    { "race/walk", HPASID, HADDR, FS_ALL, H_READ, WALK_EABT, 0x70 },
    { "race/not-mapped", HPASID, HADDR, FS_ALL, H_READ, PTE_FETCH, 0x71 },
    { "race/read", HPASID, HADDR, FS_ALL, H_READ, PERMISSION, 0x86 },
    { "race/write", HPASID, HADDR, FS_ALL, H_WRITE, PERMISSION, 0x85 },
    { "race/access", HPASID, HADDR, FS_ALL, H_READ, ACCESS, 0x91 },
    { "race/range", HPASID, HADDR, FS_ALL, H_READ, OOR, 0x80 },
    { "race/no-such-reason", HPASID, HADDR, FS_ALL, H_WRITE, 1000, 0x85 },
};

static void walked_case(const void *opaque)
{
    const Walked *w = opaque;
    SvaFault want = {
        w->want, SID0, w->pasid, w->addr, .t1 = w->access & H_READ,
        .exe = w->access & H_EXEC, .priv = w->access & H_PRIV,
    };
    Host h;

    start(&h);
    if (w->flags) {
        vtd_map(&h.fs, HADDR, 0x200000, w->flags, 1);
    }
    host_entry(&h, HPASID + 2, HDID);
    sva_set_bits(h.s, vtd_entry_at(h.s, SID0, HPASID + 2), PE_FPD);
    host_set(&h, H_REASON, w->reason);
    host_send(&h, H_FAULT, w->pasid, w->addr, w->access, 0, 0);
    if (w->want) {
        vtd_expect_fault(h.s, &want);
    } else {
        vtd_expect_no_fault(h.s);
    }
    /* It was looked at, not used: no accessed flag is set. */
    if (w->flags) {
        g_assert_cmphex(sva_read64(h.s, vtd_slot(&h.fs, HADDR, 1)), ==,
                        0x200000 | w->flags);
    }
    host_quit(&h);
}

static void test_fault_translation_off(void)
{
    Host h;

    start(&h);
    vtd_gcmd(h.s, GSTS_TE, false);
    host_send(&h, H_FAULT, HPASID, HADDR, H_READ, 0, 0);
    vtd_expect_no_fault(h.s);
    host_quit(&h);
}

static void test_fault_flood(void)
{
    SvaFault f;
    unsigned n = 0;
    Host h;

    start(&h);
    host_set(&h, H_REPEAT, 100000);
    host_send(&h, H_FAULT, HPASID, HADDR, H_READ, 0, 0);
    while (vtd_fault_next(h.s, &f)) {
        n++;
    }
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmphex(vtd_readl(h.s, VTD_FSTS) & FSTS_PFO, ==, FSTS_PFO);
    vtd_fault_clear(h.s);
    /* The next turn of the main loop takes faults again. */
    host_send(&h, H_FAULT, HPASID, HADDR, H_READ, 0, 0);
    g_assert_true(vtd_fault_next(h.s, &f));
    host_quit(&h);
}

static void test_gone(void)
{
    SvaFault want = { 0x41, SID0, NO_PASID, 0, .t1 = true };
    Host h;

    start(&h);
    host_send(&h, H_GONE, NO_PASID, 0, 0, 0, 0);
    vtd_expect_fault(h.s, &want);
    vtd_gcmd(h.s, GSTS_TE, false);
    host_send(&h, H_GONE, NO_PASID, 0, 0, 0, 0);
    vtd_expect_no_fault(h.s);
    host_quit(&h);
}

/* Errors of bind */

static void test_bind_error(void)
{
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    host_set(&h, H_BIND_ERROR, 22);
    host_entry(&h, HPASID, HDID);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    /* It is not bound: there is nothing to invalidate, nor to unbind. */
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, HDID, HPASID), 0);
    host_expect_none(&h);
    /* The next invalidation tries again. */
    host_set(&h, H_BIND_ERROR, 0);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    host_expect_none(&h);
    host_quit(&h);
}

static void test_replace_error(void)
{
    Host h;

    start(&h);
    host_set(&h, H_BIND_ERROR, 12);
    vtd_table(&h.fs, h.s, false, 4, NULL);
    host_entry(&h, HPASID, HDID);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    host_clear(&h, HPASID);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect_none(&h);
    host_quit(&h);
}

/* Groups of the old table that came before the error are of no binding. */
static void test_replace_error_group(void)
{
    Host h;

    start(&h);
    host_set(&h, H_HOLD, 1);
    host_set(&h, H_BIND_ERROR, 12);
    vtd_table(&h.fs, h.s, false, 4, NULL);
    host_entry(&h, HPASID, HDID);
    vtd_iq(h.s, vtd_pc_q0(PC_PASID, HDID, HPASID), 0);
    send_group(&h, PRGI, COOKIE);
    host_set(&h, H_HOLD, 0);
    host_wait(&h);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    answer(&h, HPASID, PRGI, 0);
    host_idle(&h);
    host_expect_none(&h);
    host_quit(&h);
}

/* A host that has no room is not asked for each PASID. */
static void full_case(const void *opaque)
{
    unsigned error = GPOINTER_TO_UINT(opaque);
    Host h;

    start(&h);
    host_entry(&h, HPASID + 1, HDID);
    host_entry(&h, HPASID + 2, HDID);
    host_set(&h, H_BIND_ERROR, error);
    host_pasid_flush(&h, HPASID + 1, HDID);
    host_expect(&h, C_BIND, HPASID + 1, h.fs.root, 48);
    host_set(&h, H_BIND_ERROR, 0);
    host_pasid_flush(&h, HPASID + 2, HDID);
    host_expect_none(&h);
    /* But for all of them it is. */
    host_flush(&h, vtd_pc_q0(PC_DOMAIN, HDID, 0), 0);
    host_expect(&h, C_BIND, HPASID + 1, h.fs.root, 48);
    host_expect(&h, C_BIND, HPASID + 2, h.fs.root, 48);
    host_expect_none(&h);
    host_quit(&h);
}

/* An error of an older call must not undo what a newer one did. */
static void test_late_error(void)
{
    uint64_t old;
    Host h;

    start(&h);
    old = h.fs.root;
    host_set(&h, H_HOLD, 1);
    host_set(&h, H_BIND_ERROR, 12);
    vtd_table(&h.fs, h.s, false, 4, NULL);
    host_entry(&h, HPASID, HDID);
    vtd_iq(h.s, vtd_pc_q0(PC_PASID, HDID, HPASID), 0);
    host_expect_none(&h);
    sva_write64(h.s, vtd_entry_at(h.s, SID0, HPASID) + 16, old);
    vtd_iq(h.s, vtd_pc_q0(PC_PASID, HDID, HPASID), 0);
    host_set(&h, H_STEP, 1);
    while (host_get(&h, H_PENDING) > 1) {
        g_usleep(1000);
    }
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    host_set(&h, H_BIND_ERROR, 0);
    host_set(&h, H_HOLD, 0);
    host_wait(&h);
    host_expect(&h, C_BIND, HPASID, old, 48);
    host_flush(&h, vtd_piotlb_q0(PIOTLB_ALL, HDID, HPASID), 0);
    host_expect(&h, C_INVALIDATE, HPASID, 0, 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* It comes when the PASID is no longer wanted. */
static void test_late_error_unbound(void)
{
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    host_set(&h, H_BIND_ERROR, 22);
    host_set(&h, H_HOLD, 1);
    host_entry(&h, HPASID, HDID);
    vtd_iq(h.s, vtd_pc_q0(PC_PASID, HDID, HPASID), 0);
    host_clear(&h, HPASID);
    vtd_iq(h.s, vtd_pc_q0(PC_PASID, HDID, HPASID), 0);
    host_set(&h, H_HOLD, 0);
    host_wait(&h);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    host_expect(&h, C_UNBIND, HPASID, 0, 0);
    host_expect_none(&h);
    host_quit(&h);
}

/* The host's quota is used up: a scan does not go on asking. */
static void test_quota(void)
{
    unsigned i;
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    host_set(&h, H_QUOTA, 10);
    for (i = 1; i <= 1000; i++) {
        host_entry(&h, i, HDID);
    }
    host_flush(&h, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 10);
    g_assert_cmpuint(host_get(&h, H_COUNT), <, 1000);
    /* Room again: a PASID that goes makes it. */
    host_forget(&h);
    host_clear(&h, 5);
    host_pasid_flush(&h, 5, HDID);
    host_expect(&h, C_UNBIND, 5, 0, 0);
    host_pasid_flush(&h, 900, HDID);
    host_expect(&h, C_BIND, 900, h.fs.root, 48);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 10);
    /* The next scan asks again. */
    host_set(&h, H_QUOTA, 20);
    host_flush(&h, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 20);
    host_quit(&h);
}

/* A host that does not complete */

/* The machine goes on: monitor, registers, other descriptors' effects. */
static void expect_alive(Host *h)
{
    QDict *reply = qtest_qmp(h->s->qts, "{ 'execute': 'query-status' }");

    g_assert_true(qdict_haskey(reply, "return"));
    qobject_unref(reply);
    g_assert_cmphex(vtd_readl(h->s, VTD_GSTS) & GSTS_TE, ==, GSTS_TE);
}

static const uint64_t held[][2] = {
    { PIOTLB_ALL << 4 | 6 | HDID << 16 | (uint64_t)HPASID << 32, 0 },
};

static void test_hold(void)
{
    Host h;

    start(&h);
    host_set(&h, H_HOLD, 1);
    host_queue(&h, held, 1);
    g_assert_false(vtd_wait(h.s));
    expect_alive(&h);
    g_assert_false(vtd_wait_done(h.s));
    /* The wait is still at the head. */
    g_assert_cmphex(vtd_readq(h.s, VTD_IQH), !=, vtd_readq(h.s, VTD_IQT));
    host_set(&h, H_STEP, 1);
    host_poll(&h);
    g_assert_cmphex(vtd_readq(h.s, VTD_IQH), ==, vtd_readq(h.s, VTD_IQT));
    host_expect(&h, C_INVALIDATE, HPASID, 0, 0);
    host_quit(&h);
}

/* Each wait is complete with the calls before it, not with those after it. */
static void test_hold_order(void)
{
    uint32_t first;
    Host h;

    start(&h);
    host_set(&h, H_HOLD, 1);
    host_queue(&h, held, 1);
    first = h.s->waits + 1;
    g_assert_false(vtd_wait(h.s));
    host_queue(&h, held, 1);
    g_assert_false(vtd_wait(h.s));
    host_set(&h, H_STEP, 1);
    while (qtest_readl(h.s->qts, h.s->status) != first) {
        g_usleep(1000);
    }
    g_assert_false(vtd_wait_done(h.s));
    host_set(&h, H_STEP, 1);
    host_poll(&h);
    host_quit(&h);
}

/* Without a wait the queue must not grow calls without bound either. */
static void test_hold_bound(void)
{
    uint64_t many[100][2];
    unsigned i;
    Host h;

    start(&h);
    host_set(&h, H_HOLD, 1);
    for (i = 0; i < ARRAY_SIZE(many); i++) {
        memcpy(many[i], held[0], sizeof(many[i]));
    }
    for (i = 0; i < 20; i++) {
        uint64_t room = (vtd_readq(h.s, VTD_IQH) - vtd_readq(h.s, VTD_IQT) -
                         32) & 0xfff;

        host_queue(&h, many, MIN(room / 32, ARRAY_SIZE(many)));
    }
    g_assert_cmpuint(host_get(&h, H_PENDING), >=, 256);
    g_assert_cmpuint(host_get(&h, H_PENDING), <=, 258);
    expect_alive(&h);
    host_set(&h, H_HOLD, 0);
    while (vtd_readq(h.s, VTD_IQH) != vtd_readq(h.s, VTD_IQT)) {
        g_usleep(1000);
    }
    host_wait(&h);
    host_quit(&h);
}

/* A reset while a wait stands at the head: the next one waits as any other. */
static void test_hold_reset(void)
{
    Host h;

    start(&h);
    host_set(&h, H_HOLD, 1);
    host_queue(&h, held, 1);
    g_assert_false(vtd_wait(h.s));
    qtest_system_reset(h.s->qts);
    host_restart(&h);
    g_assert_cmphex(vtd_readl(h.s, VTD_GSTS), ==, 0);
    g_assert_cmpuint(host_get(&h, H_COUNT), ==, h.seen);
    host_set(&h, H_HOLD, 0);
    host_idle(&h);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 0);
    host_set(&h, H_HOLD, 1);
    vtd_set_root(h.s, TTM_SCALABLE);
    vtd_iq_init(h.s, true);
    vtd_gcmd(h.s, GSTS_TE, true);
    g_assert_false(vtd_wait(h.s));
    expect_alive(&h);
    g_assert_false(vtd_wait_done(h.s));
    host_set(&h, H_HOLD, 0);
    host_poll(&h);
    host_quit(&h);
}

/* Hostile guests */

/* Every PASID there is, by one table under all directory entries */
static void every_pasid(Host *h, uint64_t flags)
{
    uint64_t dir[512], at = vtd_dir_at(h->s, SID0, 0);
    uint64_t table = sva_page(h->s);
    SvaEntry e = vtd_entry_first(&h->fs, HDID);
    unsigned i;

    e.q[0] ^= flags;
    for (i = 0; i < 64; i++) {
        qtest_memwrite(h->s->qts, table + i * 64, e.q, sizeof(e.q));
    }
    for (i = 0; i < 512; i++) {
        dir[i] = cpu_to_le64(table | 1);
    }
    for (i = 0; i < 16384 / 512; i++) {
        qtest_memwrite(h->s->qts, at + i * 4096, dir, sizeof(dir));
    }
}

static void flush_everything(Host *h)
{
    uint64_t many[120][2];
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(many); i++) {
        many[i][0] = vtd_pc_q0(i & 1 ? PC_GLOBAL : PC_DOMAIN, HDID, 0);
        many[i][1] = 0;
    }
    host_queue(h, many, ARRAY_SIZE(many));
}

/* One table everywhere: entries that are looked at and not wanted */
static void test_every_pasid(void)
{
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    every_pasid(&h, PE_FIRST | PE_SECOND | PE_AW(2));
    flush_everything(&h);
    /* A million entries are more than one turn. */
    g_assert_false(vtd_wait(h.s));
    expect_alive(&h);
    host_poll(&h);
    host_expect_none(&h);
    host_quit(&h);
}

static void test_every_pasid_bound(void)
{
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    host_set(&h, H_QUOTA, 100);
    every_pasid(&h, 0);
    flush_everything(&h);
    vtd_wait(h.s);
    expect_alive(&h);
    host_poll(&h);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 100);
    g_assert_cmpuint(host_get(&h, H_COUNT), <, 1000);
    host_quit(&h);
}

/* The same while the host does not complete anything */
static void test_every_pasid_held(void)
{
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    host_set(&h, H_QUOTA, 100);
    host_set(&h, H_HOLD, 1);
    every_pasid(&h, 0);
    flush_everything(&h);
    g_assert_false(vtd_wait(h.s));
    expect_alive(&h);
    g_assert_cmpuint(host_get(&h, H_PENDING), <=, 256 + 64 + 2);
    host_set(&h, H_HOLD, 0);
    host_poll(&h);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 100);
    host_quit(&h);
}

/* PASIDs from @first on, each with a table entry */
static void some_pasids(Host *h, uint32_t first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        host_entry(h, first + i, HDID);
    }
}

/* Invalidations of more PASIDs than calls may be under way: each is made. */
static void test_flush_held(void)
{
    /* More than twice what may be under way */
    const unsigned n = 600;
    uint32_t before;
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    some_pasids(&h, 1, n);
    host_flush(&h, vtd_pc_q0(PC_DOMAIN, HDID, 0), 0);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, n);
    before = host_get(&h, H_COUNT);
    host_set(&h, H_HOLD, 1);
    vtd_iq(h.s, vtd_iotlb_q0(IOTLB_DOMAIN, HDID), 0);
    g_assert_false(vtd_wait(h.s));
    g_assert_cmpuint(host_get(&h, H_PENDING), <=, 256 + 2);
    /* All but one: the wait is for that one as well. */
    host_set(&h, H_STEP, n - 1);
    while (host_get(&h, H_COUNT) - before < n - 1) {
        g_usleep(1000);
    }
    g_assert_false(vtd_wait_done(h.s));
    host_set(&h, H_HOLD, 0);
    host_poll(&h);
    g_assert_cmpuint(host_get(&h, H_COUNT) - before, ==, n);
    host_quit(&h);
}

/* Bound PASIDs go while a scan of them is under way. */
static void test_scan_stopped(void)
{
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    some_pasids(&h, 1, 600);
    host_flush(&h, vtd_pc_q0(PC_DOMAIN, HDID, 0), 0);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 600);
    vtd_table(&h.fs, h.s, false, 4, NULL);
    some_pasids(&h, 1, 600);
    host_set(&h, H_HOLD, 1);
    vtd_iq(h.s, vtd_pc_q0(PC_DOMAIN, HDID, 0), 0);
    g_assert_false(vtd_wait(h.s));
    vtd_gcmd(h.s, GSTS_TE, false);
    host_set(&h, H_HOLD, 0);
    host_poll(&h);
    host_idle(&h);
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 0);
    host_quit(&h);
}

/* Nothing waits for the scan, and the host has no room for a while. */
static void test_every_pasid_no_wait(void)
{
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    host_set(&h, H_QUOTA, 1000);
    host_set(&h, H_HOLD, 1);
    every_pasid(&h, 0);
    vtd_iq(h.s, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    host_set(&h, H_HOLD, 0);
    while (host_get(&h, H_BOUND) < 1000) {
        g_usleep(1000);
    }
    host_quit(&h);
}

/* A directory, and a table, where there is no memory */
static void test_no_memory(void)
{
    uint64_t ctx;
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    ctx = vtd_context_at(h.s, SID0);
    sva_write64(h.s, vtd_dir_at(h.s, SID0, HPASID), VTD_BASE | 1);
    host_flush(&h, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    host_pasid_flush(&h, HPASID, HDID);
    sva_write64(h.s, ctx, 0x100000000000ull | CTX_PDTS(7) | CTX_ALL);
    host_flush(&h, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
    host_flush(&h, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
    host_pasid_flush(&h, HPASID, HDID);
    host_expect_none(&h);
    expect_alive(&h);
    host_quit(&h);
}

/* A PASID that comes and goes: one call for each time it was told */
static void test_flip(void)
{
    unsigned i;
    Host h;

    start(&h);
    for (i = 0; i < 50; i++) {
        host_clear(&h, HPASID);
        host_pasid_flush(&h, HPASID, HDID);
        host_expect(&h, C_UNBIND, HPASID, 0, 0);
        host_entry(&h, HPASID, HDID);
        host_pasid_flush(&h, HPASID, HDID);
        host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    }
    host_expect_none(&h);
    host_quit(&h);
}

/* Garbage in the registers of the page request queue */
static void test_queue_garbage(void)
{
    Host h;

    start(&h);
    vtd_writeq(h.s, VTD_PQH, UINT64_MAX);
    vtd_writeq(h.s, VTD_PQT, 0x5555555555555555ull);
    send_group(&h, PRGI, COOKIE);
    g_assert_cmpuint(vtd_pq_count(h.s), <, 128);
    vtd_writeq(h.s, VTD_PQA, UINT64_MAX);
    send_group(&h, PRGI + 1, COOKIE);
    expect_alive(&h);
    host_quit(&h);
}

static void test_request_flood(void)
{
    Host h;

    start(&h);
    host_set(&h, H_REPEAT, 5000);
    send_group(&h, PRGI, COOKIE);
    expect_alive(&h);
    g_assert_cmpuint(vtd_pq_count(h.s), ==, 127);
    settle(&h);
    /* Only the last group of that index is one that still waits. */
    expect_response(&h, R_SUCCESS, PRGI, COOKIE);
    host_quit(&h);
}

#define PORT_UNIT   HOST_UNIT \
    " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off" \
    " -device pcie-root-port,id=p,addr=4"
#define BEHIND      BDF(1, 0, 0)

/* A root port at SID0, the device, if there is one, on bus 1 */
static void port_start(Host *h, const char *dev)
{
    g_autofree char *args = g_strdup_printf("%s%s", PORT_UNIT, dev);

    *h = (Host) { .s = sva_start(args) };
    vtd_table(&h->fs, h->s, false, 4, NULL);
    sva_cfg_writel(h->s, SID0, 0x18, 0x00010100);
    sva_cfg_writel(h->s, SID0, 0x20, (h->s->mmio >> 16 & 0xfff0) |
                   ((h->s->mmio + 0x0fffffff) & 0xfff00000));
    sva_cfg_writew(h->s, SID0, 0x04, 0x6);
}

static void port_bars(Host *h)
{
    uint64_t bar[6];

    sva_assign_bars(h->s, BEHIND, 0x10, bar);
    sva_cfg_writew(h->s, BEHIND, 0x04, 0x6);
    h->bar = bar[0];
}

/* Tables of the device, and translation */
static void port_enable(Host *h)
{
    SvaEntry pt = vtd_entry_pt(1), first = vtd_entry_first(&h->fs, HDID);

    vtd_context(h->s, BEHIND, CTX_ALL);
    vtd_bind(h->s, BEHIND, 0, &pt);
    vtd_bind(h->s, BEHIND, HPASID, &first);
    vtd_enable(h->s);
    host_wait(h);
}

/* The device moves to another bus number: its bindings are its own. */
static void test_renumbered(void)
{
    uint16_t moved = BDF(2, 0, 0);
    Host h;

    port_start(&h, " -device svahost,id=h0,bus=p");
    port_bars(&h);
    port_enable(&h);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    sva_cfg_writel(h.s, SID0, 0x18, 0x00020200);
    vtd_context(h.s, moved, CTX_ALL);
    sva_write64(h.s, vtd_context_at(h.s, moved),
                sva_read64(h.s, vtd_context_at(h.s, BEHIND)));
    sva_write64(h.s, vtd_context_at(h.s, BEHIND), 0);
    host_flush(&h, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
    host_expect_none(&h);
    host_flush(&h, vtd_pdev_q0(moved, moved, HPASID), HADDR);
    host_expect(&h, C_INVALIDATE, HPASID, HADDR, KiB4);
    host_expect_none(&h);
    host_quit(&h);
}

/* The device comes while translation is on, goes and comes again. */
static void test_hot_plug(void)
{
    unsigned slot, i;
    Host h;

    port_start(&h, "");
    slot = sva_cap(h.s, SID0, CAP_PCIE) + 0x18;
    port_enable(&h);
    for (i = 0; i < 2; i++) {
        qtest_qmp_device_add(h.s->qts, "svahost", "h0", "{ 'bus': 'p' }");
        sva_cfg_writew(h.s, SID0, slot, 0x01c0);
        port_bars(&h);
        host_wait(&h);
        h.seen = 0;
        host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
        host_expect_none(&h);
        sva_cfg_writew(h.s, SID0, slot, 0x07c0);
        qtest_qmp_eventwait(h.s->qts, "DEVICE_DELETED");
        g_assert_cmphex(sva_cfg_readl(h.s, BEHIND, 0), ==, UINT32_MAX);
        /* Its tables are of no interest any more. */
        host_wait(&h);
        vtd_iq(h.s, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
        host_wait(&h);
    }
    sva_quit(h.s);
}

static bool realized(Host *h)
{
    QDict *reply = qtest_qmp(h->s->qts, "{ 'execute': 'qom-get', 'arguments': "
                             "{ 'path': '/machine/peripheral/h0', "
                             "'property': 'realized' } }");
    bool is = qdict_get_bool(reply, "return");

    qobject_unref(reply);
    return is;
}

/* Nobody waits: what is in the tables is found all the same. */
static void test_hot_plug_alone(void)
{
    Host h;

    port_start(&h, "");
    port_enable(&h);
    qtest_qmp_device_add(h.s->qts, "svahost", "h0", "{ 'bus': 'p' }");
    sva_cfg_writew(h.s, SID0, sva_cap(h.s, SID0, CAP_PCIE) + 0x18, 0x01c0);
    port_bars(&h);
    for (unsigned i = 0; i < 60000 && !host_get(&h, H_BOUND); i++) {
        g_usleep(1000);
    }
    g_assert_cmpuint(host_get(&h, H_BOUND), ==, 1);
    host_quit(&h);
}

/* What the device before was refused is not refused to the next one. */
static void test_hot_plug_mapped(void)
{
    unsigned slot;
    Host h;

    port_start(&h, " -device svahost,id=h0,bus=p");
    slot = sva_cap(h.s, SID0, CAP_PCIE) + 0x18;
    port_bars(&h);
    vtd_enable(h.s);
    host_wait(&h);
    g_assert_false(host_mapped(&h, 0x100000));
    sva_cfg_writew(h.s, SID0, slot, 0x01c0);
    sva_cfg_writew(h.s, SID0, slot, 0x07c0);
    qtest_qmp_eventwait(h.s->qts, "DEVICE_DELETED");
    vtd_gcmd(h.s, GSTS_TE, false);
    qtest_qmp_device_add(h.s->qts, "svahost", "h1", "{ 'bus': 'p' }");
    sva_cfg_writew(h.s, SID0, slot, 0x01c0);
    port_bars(&h);
    g_assert_true(host_mapped(&h, 0x100000));
    host_quit(&h);
}

/* Devices of one number on two buses: neither is taken for the other. */
static void test_two_buses(void)
{
    const uint16_t behind = BDF(2, 0, 0);
    SvaEntry pt = vtd_entry_pt(1), first;
    uint64_t bar[6];
    unsigned slot;
    Host h, other;

    port_start(&h, " -device svahost,id=h0,bus=p"
               " -device pcie-root-port,id=q,addr=5,chassis=2"
               " -device svahost,id=h1,bus=q");
    slot = sva_cap(h.s, SID0, CAP_PCIE) + 0x18;
    port_bars(&h);
    h.s->mmio = QEMU_ALIGN_UP(h.s->mmio, 0x10000000);
    sva_cfg_writel(h.s, SID1, 0x18, 0x00020200);
    sva_cfg_writel(h.s, SID1, 0x20, (h.s->mmio >> 16 & 0xfff0) |
                   ((h.s->mmio + 0x0fffffff) & 0xfff00000));
    sva_cfg_writew(h.s, SID1, 0x04, 0x6);
    sva_assign_bars(h.s, behind, 0x10, bar);
    sva_cfg_writew(h.s, behind, 0x04, 0x6);
    other = h;
    other.bar = bar[0];
    /* Requests without PASID of the second one pass, the first has no entry. */
    vtd_context(h.s, behind, CTX_ALL);
    vtd_bind(h.s, behind, 0, &pt);
    vtd_enable(h.s);
    host_wait(&h);
    g_assert_false(host_mapped(&h, 0x100000));
    g_assert_true(host_mapped(&other, 0x100000));
    /* The first one goes, the second is still served. */
    sva_cfg_writew(h.s, SID0, slot, 0x01c0);
    sva_cfg_writew(h.s, SID0, slot, 0x07c0);
    qtest_qmp_eventwait(h.s->qts, "DEVICE_DELETED");
    first = vtd_entry_first(&h.fs, HDID);
    vtd_bind(h.s, behind, HPASID, &first);
    host_pasid_flush(&other, HPASID, HDID);
    host_expect(&other, C_BIND, HPASID, h.fs.root, 48);
    host_expect_none(&other);
    /* Another one takes its place, and what it may do. */
    qtest_qmp_device_add(h.s->qts, "svahost", "h2", "{ 'bus': 'p' }");
    sva_cfg_writew(h.s, SID0, slot, 0x01c0);
    port_bars(&h);
    host_wait(&h);
    g_assert_false(host_mapped(&h, 0x100000));
    g_assert_true(host_mapped(&other, 0x100000));
    host_quit(&h);
}

/* The device goes while the host holds a call of it. */
static void test_unplug_held(void)
{
    QDict *reply;
    Host h;

    host_start(&h, HOST_UNIT, HOST_DEV);
    host_enable(&h);
    host_entry(&h, HPASID, HDID);
    host_set(&h, H_HOLD, 1);
    vtd_iq(h.s, vtd_pc_q0(PC_PASID, HDID, HPASID), 0);
    g_assert_false(vtd_wait(h.s));
    g_assert_true(realized(&h));
    reply = qtest_qmp(h.s->qts, "{ 'execute': 'qom-set', 'arguments': "
                      "{ 'path': '/machine/peripheral/h0', "
                      "'property': 'realized', 'value': false } }");
    g_assert_true(qdict_haskey(reply, "return"));
    qobject_unref(reply);
    /* Nobody is left to wait for. */
    host_poll(&h);
    sva_quit(h.s);
}

/*
 * The guest switches the slot's power off. While that waits for the host, the
 * device is on its bus still, and the monitor asks for it.
 */
static void test_unplug_twice(void)
{
    unsigned i, slot;
    Host h;

    port_start(&h, " -accel tcg -device svahost,id=h0,bus=p");
    slot = sva_cap(h.s, SID0, CAP_PCIE) + 0x18;
    port_bars(&h);
    port_enable(&h);
    host_expect(&h, C_BIND, HPASID, h.fs.root, 48);
    host_set(&h, H_HOLD, 2);
    sva_cfg_writew(h.s, SID0, slot, 0x01c0);
    sva_cpu_out(h.s, (const uint32_t[]) {
        0xcf8, 1u << 31 | SID0 << 8 | slot, 0xcfc, 0x07c0 });
    for (i = 0; i < 60000 && realized(&h); i++) {
        g_usleep(1000);
    }
    g_assert_false(realized(&h));
    qtest_qmp_assert_success(h.s->qts, "{ 'execute': 'device_del', "
                             "'arguments': { 'id': 'h0' } }");
    g_assert_false(sva_cpu_done(h.s));
    qtest_qmp_assert_success(h.s->qts, "{ 'execute': 'qom-set', 'arguments': "
                             "{ 'path': '/machine/peripheral/h0', "
                             "'property': 'hold', 'value': false } }");
    qtest_qmp_eventwait(h.s->qts, "DEVICE_DELETED");
    for (i = 0; i < 60000 && !sva_cpu_done(h.s); i++) {
        g_usleep(1000);
    }
    g_assert_true(sva_cpu_done(h.s));
    g_assert_cmphex(sva_cfg_readl(h.s, BEHIND, 0), ==, UINT32_MAX);
    sva_quit(h.s);
}

/* What the monitor's side is told, and how often of what a guest provokes */
typedef struct Message {
    const char *name;
    const char *dev;
    void (*provoke)(Host *h);
    const char *text;       /* NULL: nothing */
} Message;

static void provoke_bind_error(Host *h)
{
    host_set(h, H_BIND_ERROR, 22);
    host_entry(h, HPASID + 1, HDID);
    for (unsigned i = 0; i < 100; i++) {
        host_pasid_flush(h, HPASID + 1, HDID);
    }
}

static void provoke_rid_error(Host *h)
{
    host_set(h, H_RID_ERROR, 22);
    sva_write64(h->s, vtd_entry_at(h->s, SID0, 0), 0);
    host_pasid_flush(h, 0, 1);
}

static void provoke_gone(Host *h)
{
    host_send(h, H_GONE, 0, 0, 0, 0, 0);
}

static void provoke_legacy(Host *h)
{
    vtd_set_root(h->s, TTM_LEGACY);
}

static void provoke_first(Host *h)
{
    SvaEntry first = vtd_entry_first(&h->fs, HDID);

    vtd_bind(h->s, SID0, 0, &first);
    host_pasid_flush(h, 0, 1);
}

static void provoke_block(Host *h)
{
    sva_write64(h->s, vtd_entry_at(h->s, SID0, 0), 0);
    host_pasid_flush(h, 0, 1);
}

static const Message messages[] = {
    { "bind", HOST_DEV, provoke_bind_error,
      "the host does not bind PASID 74566: Invalid argument" },
    { "rid", HOST_RID, provoke_rid_error,
      "the host does not follow for requests without PASID: Invalid" },
    { "gone", HOST_DEV, provoke_gone, "the test has taken the device off" },
    { "legacy", HOST_DEV, provoke_legacy,
      "requests are blocked in legacy mode" },
    { "first-stage", HOST_DEV, provoke_first,
      "the host cannot translate requests without PASID" },
    { "none", HOST_DEV, provoke_block, NULL },
};

/* Each at most once in five seconds, so of a hundred there are few. */
static void message_case(const void *opaque)
{
    const Message *m = opaque;
    g_autofree char *path = NULL, *dev = NULL, *said = NULL;
    g_auto(GStrv) parts = NULL;
    int fd = g_file_open_tmp("svatest-XXXXXX.err", &path, NULL);
    unsigned n;
    Host h;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    dev = g_strdup_printf("%s 2> %s", m->dev, path);
    host_start_bound(&h, dev);
    m->provoke(&h);
    host_idle(&h);
    host_quit(&h);
    g_assert_true(g_file_get_contents(path, &said, NULL, NULL));
    unlink(path);
    if (!m->text) {
        g_assert_null(strstr(said, "intel-iommu: "));
        return;
    }
    parts = g_strsplit(said, m->text, -1);
    n = g_strv_length(parts) - 1;
    g_assert_cmpuint(n, >, 0);
    g_assert_cmpuint(n, <, 50);
}

/* Refusals, with their sentences */
typedef struct Refusal {
    const char *name;
    const char *args;
    const char *text;
} Refusal;

#define NEEDS "nesting=on needs -device intel-iommu,x-nested=on," \
              "caching-mode=on before this device"

static const Refusal refusals[] = {
    { "no-unit", HOST_DEV, NEEDS },
    { "unit-after", HOST_DEV " " HOST_UNIT, NEEDS },
    { "stock-unit", "-device intel-iommu,caching-mode=on" HOST_DEV, NEEDS },
    { "unit-of-hardware", SVA_UNIT HOST_DEV, NEEDS },
    { "stock-device", HOST_UNIT HOST_DEV ",kind=stock",
      "use nesting=on: this unit has no second stage to shadow" },
    { "format", HOST_UNIT HOST_DEV ",format=2",
      "the host's IOMMU speaks format 2, the unit speaks VT-d" },
    { "bind", HOST_UNIT HOST_DEV ",bind=off",
      "the host's IOMMU lacks binding of tables" },
    { "invalidate", HOST_UNIT HOST_DEV ",invalidate=off",
      "the host's IOMMU lacks invalidation of caches" },
    { "system-wide", HOST_UNIT HOST_DEV ",syswide-pasid=on",
      "the host hands PASIDs out, the guest cannot choose" },
    { "large-pages", HOST_UNIT HOST_DEV ",cap=0",
      "the host's IOMMU has no 1-GiB pages: use fs1gp=off" },
    { "five-levels", HOST_UNIT ",x-fs5lp=on" HOST_DEV ",cap=0x100000000000000",
      "the host's IOMMU has no five levels: use x-fs5lp=off" },
    { "snoop", HOST_UNIT HOST_DEV ",ecap=0",
      "the host's IOMMU does not snoop when it reads tables" },
    { "width", HOST_UNIT HOST_DEV ",aw-bits=39",
      "aw-bits 48 > host aw-bits 39" },
};

static void refusal_case(const void *opaque)
{
    const Refusal *r = opaque;
    g_autofree char *err = sva_refused(r->args);

    g_assert_nonnull(strstr(err, r->text));
}

/* Other units take other devices of the host, as ever. */
static void test_stock_device(void)
{
    static const char *const units[] = {
        SVA_UNIT, "-device intel-iommu,caching-mode=on",
    };
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(units); i++) {
        Sva *s;
        QDict *reply;
        g_autofree char *args = g_strdup_printf("%s%s,kind=stock", units[i],
                                                HOST_DEV);

        s = sva_start(args);
        reply = qtest_qmp(s->qts, "{ 'execute': 'qom-set', 'arguments': "
                          "{ 'path': '/machine/peripheral/h0', "
                          "'property': 'realized', 'value': false } }");
        g_assert_true(qdict_haskey(reply, "return"));
        qobject_unref(reply);
        sva_quit(s);
    }
}

/* What a host lacks does not matter where the unit does not offer it. */
static void test_follow_host(void)
{
    Host h;

    host_start(&h, HOST_UNIT ",fs1gp=off", HOST_DEV ",cap=0");
    g_assert_cmphex(vtd_readq(h.s, VTD_CAP) >> 56 & 1, ==, 0);
    host_quit(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    SVA_ADD_TABLE("host/request", fields, field_case);
    SVA_ADD_TABLE("host/request-refused", refused, refused_case);
    SVA_ADD_TABLE("host/fault", walked, walked_case);
    SVA_ADD_TABLE("host/refused", refusals, refusal_case);
    qtest_add_func("/svatest/host/answer/codes", test_codes);
    qtest_add_func("/svatest/host/answer/made-up", test_made_up);
    qtest_add_func("/svatest/host/answer/index-again", test_index_again);
    qtest_add_func("/svatest/host/answer/ended", test_ended);
    qtest_add_func("/svatest/host/answer/dead-expires", test_dead_expires);
    qtest_add_func("/svatest/host/answer/unbind", test_unbind_forgets);
    qtest_add_func("/svatest/host/answer/replace", test_replace_forgets);
    qtest_add_func("/svatest/host/answer/interface-reset",
                   test_interface_reset);
    qtest_add_func("/svatest/host/answer/interface-reset-dead",
                   test_interface_reset_dead);
    qtest_add_func("/svatest/host/answer/two-pasids", test_two_pasids);
    qtest_add_func("/svatest/host/answer/unbind-other", test_unbind_other);
    qtest_add_func("/svatest/host/answer/limit", test_limit);
    qtest_add_func("/svatest/host/answer/dead-bound", test_dead_bound);
    qtest_add_func("/svatest/host/answer/dead-count", test_dead_count);
    qtest_add_func("/svatest/host/answer/two-requests", test_two_requests);
    qtest_add_func("/svatest/host/answer/reset", test_reset_forgets);
    qtest_add_func("/svatest/host/request-queue/full", test_queue_full);
    qtest_add_func("/svatest/host/request-queue/full-again",
                   test_queue_full_again);
    qtest_add_func("/svatest/host/request-queue/full-two", test_queue_full_two);
    qtest_add_func("/svatest/host/request-queue/refused-one",
                   test_refused_one);
    qtest_add_func("/svatest/host/request-queue/no-memory",
                   test_queue_no_memory);
    qtest_add_func("/svatest/host/request-queue/garbage", test_queue_garbage);
    qtest_add_func("/svatest/host/request-queue/unbind", test_unbind_delivers);
    qtest_add_func("/svatest/host/request-queue/drain", test_drain_delivers);
    qtest_add_func("/svatest/host/fault-translation-off",
                   test_fault_translation_off);
    qtest_add_func("/svatest/host/gone", test_gone);
    qtest_add_func("/svatest/host/error/bind", test_bind_error);
    qtest_add_func("/svatest/host/error/replace", test_replace_error);
    qtest_add_func("/svatest/host/error/replace-group",
                   test_replace_error_group);
    qtest_add_data_func("/svatest/host/error/full/quota",
                        GUINT_TO_POINTER(122), full_case);
    qtest_add_data_func("/svatest/host/error/full/space",
                        GUINT_TO_POINTER(28), full_case);
    qtest_add_data_func("/svatest/host/error/full/memory",
                        GUINT_TO_POINTER(12), full_case);
    qtest_add_func("/svatest/host/error/late", test_late_error);
    qtest_add_func("/svatest/host/error/late-unbound",
                   test_late_error_unbound);
    qtest_add_func("/svatest/host/error/quota", test_quota);
    qtest_add_func("/svatest/host/hold/wait", test_hold);
    qtest_add_func("/svatest/host/hold/order", test_hold_order);
    qtest_add_func("/svatest/host/hold/bound", test_hold_bound);
    qtest_add_func("/svatest/host/hold/flush", test_flush_held);
    qtest_add_func("/svatest/host/hold/scan-stopped", test_scan_stopped);
    qtest_add_func("/svatest/host/hold/reset", test_hold_reset);
    qtest_add_func("/svatest/host/hold/unplug", test_unplug_held);
    qtest_add_func("/svatest/host/hold/unplug-twice", test_unplug_twice);
    qtest_add_func("/svatest/host/hostile/every-pasid", test_every_pasid);
    qtest_add_func("/svatest/host/hostile/every-pasid-bound",
                   test_every_pasid_bound);
    qtest_add_func("/svatest/host/hostile/every-pasid-held",
                   test_every_pasid_held);
    qtest_add_func("/svatest/host/hostile/every-pasid-no-wait",
                   test_every_pasid_no_wait);
    qtest_add_func("/svatest/host/hostile/no-memory", test_no_memory);
    qtest_add_func("/svatest/host/hostile/flip", test_flip);
    qtest_add_func("/svatest/host/hostile/fault-flood", test_fault_flood);
    qtest_add_func("/svatest/host/hostile/request-flood", test_request_flood);
    qtest_add_func("/svatest/host/hostile/renumbered", test_renumbered);
    qtest_add_func("/svatest/host/hot-plug", test_hot_plug);
    qtest_add_func("/svatest/host/hot-plug/alone", test_hot_plug_alone);
    qtest_add_func("/svatest/host/hot-plug/mapped", test_hot_plug_mapped);
    qtest_add_func("/svatest/host/two-buses", test_two_buses);
    SVA_ADD_TABLE("host/message", messages, message_case);
    qtest_add_func("/svatest/host/follow-host", test_follow_host);
    qtest_add_func("/svatest/host/stock-device", test_stock_device);
    return g_test_run();
}
