/*
 * Driver of svahost, the stand-in for a device of the host, for its qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "svatest-host.h"

/* Polls of what comes from another thread; only a hang meets the limit. */
#define POLLS 60000

static void host_bars(Host *h)
{
    uint64_t bar[6];

    sva_assign_bars(h->s, SID0, 0x10, bar);
    sva_cfg_writew(h->s, SID0, 0x04, 0x6);
    h->bar = bar[0];
}

/** host_restart: find the device again after a reset of the machine */
void host_restart(Host *h)
{
    sva_config_space(h->s);
    host_bars(h);
}

void host_start(Host *h, const char *unit, const char *dev)
{
    g_autofree char *args = g_strdup_printf("%s%s", unit, dev);

    *h = (Host) { .s = sva_start(args) };
    host_bars(h);
    vtd_table(&h->fs, h->s, false, 4, NULL);
}

/** host_enable: translation on, requests without PASID pass */
void host_enable(Host *h)
{
    SvaEntry pt = vtd_entry_pt(1);

    vtd_context(h->s, SID0, CTX_ALL);
    vtd_bind(h->s, SID0, 0, &pt);
    vtd_enable(h->s);
    host_wait(h);
}

/** host_start_bound: HPASID is bound, and no call is left to look at */
void host_start_bound(Host *h, const char *dev)
{
    host_start(h, HOST_UNIT, dev);
    host_enable(h);
    host_entry(h, HPASID, HDID);
    host_pasid_flush(h, HPASID, HDID);
    host_expect(h, C_BIND, HPASID, h->fs.root, 48);
    host_expect_none(h);
}

/* No call may have been made under the BQL. */
void host_quit(Host *h)
{
    HostCall c;

    host_set(h, H_HOLD, 0);
    while (host_next(h, &c)) {
        ;
    }
    sva_quit(h->s);
}

uint32_t host_get(Host *h, unsigned reg)
{
    return qtest_readl(h->s->qts, h->bar + reg);
}

void host_set(Host *h, unsigned reg, uint32_t value)
{
    qtest_writel(h->s->qts, h->bar + reg, value);
}

/** host_entry: the table entry of a PASID names the table of the case */
void host_entry(Host *h, uint32_t pasid, uint16_t did)
{
    SvaEntry e = vtd_entry_first(&h->fs, did);

    vtd_bind(h->s, SID0, pasid, &e);
}

void host_clear(Host *h, uint32_t pasid)
{
    vtd_unbind(h->s, SID0, pasid);
}

/** host_queue: descriptors that software tells of by one write of the tail */
void host_queue(Host *h, const uint64_t desc[][2], unsigned n)
{
    uint64_t tail = vtd_readq(h->s, VTD_IQT);
    unsigned i;

    for (i = 0; i < n; i++) {
        uint64_t d[4] = { cpu_to_le64(desc[i][0]), cpu_to_le64(desc[i][1]) };

        qtest_memwrite(h->s->qts, h->s->iq + tail, d, sizeof(d));
        tail = (tail + sizeof(d)) & 0xfff;
    }
    vtd_writeq(h->s, VTD_IQT, tail);
}

/** host_poll: until the last wait descriptor is complete */
void host_poll(Host *h)
{
    unsigned i;

    for (i = 0; i < POLLS && !vtd_wait_done(h->s); i++) {
        g_usleep(1000);
    }
    g_assert_true(vtd_wait_done(h->s));
}

void host_wait_flags(Host *h, uint64_t flags)
{
    vtd_wait_flags(h->s, WAIT_SW | flags);
    host_poll(h);
}

void host_wait(Host *h)
{
    host_wait_flags(h, 0);
}

/** host_idle: until no call is under way; for what no descriptor waits for */
void host_idle(Host *h)
{
    unsigned i;

    for (i = 0; i < POLLS && host_get(h, H_PENDING); i++) {
        g_usleep(1000);
    }
    g_assert_cmpuint(host_get(h, H_PENDING), ==, 0);
}

void host_flush(Host *h, uint64_t q0, uint64_t q1)
{
    vtd_iq(h->s, q0, q1);
    host_wait(h);
}

void host_pasid_flush(Host *h, uint32_t pasid, uint16_t did)
{
    host_flush(h, vtd_pc_q0(PC_PASID, did, pasid), 0);
}

bool host_next(Host *h, HostCall *c)
{
    uint64_t at = h->bar + H_LOG + h->seen % 1024 * 32;
    uint64_t op;

    if (h->seen == host_get(h, H_COUNT)) {
        return false;
    }
    h->seen++;
    op = qtest_readq(h->s->qts, at);
    *c = (HostCall) {
        .op = op,
        .pasid = qtest_readq(h->s->qts, at + 8),
        .addr = qtest_readq(h->s->qts, at + 16),
        .arg = qtest_readq(h->s->qts, at + 24),
        .bql = (op >> 32) & 1,
        .bound = (op >> 33) & 1,
    };
    g_assert_false(c->bql);
    return true;
}

void host_expect(Host *h, uint32_t op, uint64_t pasid, uint64_t addr,
                 uint64_t arg)
{
    HostCall c = { };

    if (!host_next(h, &c)) {
        g_test_message("no call, expected %u of PASID 0x%" PRIx64, op, pasid);
        g_assert_not_reached();
    }
    g_assert_cmpuint(c.op, ==, op);
    g_assert_cmphex(c.pasid, ==, pasid);
    g_assert_cmphex(c.addr, ==, addr);
    g_assert_cmphex(c.arg, ==, arg);
}

void host_expect_none(Host *h)
{
    HostCall c;

    if (host_next(h, &c)) {
        g_test_message("unexpected call %u of PASID 0x%" PRIx64 " 0x%" PRIx64
                       " 0x%" PRIx64, c.op, c.pasid, c.addr, c.arg);
        g_assert_not_reached();
    }
}

void host_forget(Host *h)
{
    h->seen = host_get(h, H_COUNT);
}

/** host_send: a record comes up; it is delivered before this returns */
void host_send(Host *h, unsigned type, uint32_t pasid, uint64_t addr,
               uint32_t flags, unsigned prgi, uint32_t cookie)
{
    host_set(h, H_PASID, pasid);
    host_set(h, H_ADDR, addr);
    host_set(h, H_ADDR + 4, addr >> 32);
    host_set(h, H_FLAGS, flags);
    host_set(h, H_PRGI, prgi);
    host_set(h, H_COOKIE, cookie);
    host_set(h, H_SEND, type);
}

bool host_mapped(Host *h, uint64_t addr)
{
    host_set(h, H_ADDR, addr);
    host_set(h, H_ADDR + 4, addr >> 32);
    return host_get(h, H_PROBE);
}
