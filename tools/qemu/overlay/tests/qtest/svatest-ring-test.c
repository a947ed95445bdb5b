/*
 * Completions, rings and interrupts of svatest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define DST     0x200000000000ull
#define RING    0x300000000000ull
#define DONE    0x301000000000ull   /* completions */
#define HEAD    0x302000000000ull   /* the same page */
#define ABSENT  0x400000000000ull

typedef struct Env {
    SvaEnv v;
    uint64_t dst, ring, done;   /* pages in memory */
} Env;

static void env_start(Env *e)
{
    sva_env_start(&e->v, "", "");
    e->dst = sva_env_map(&e->v, DST);
    e->ring = sva_env_map(&e->v, RING);
    e->done = sva_env_map(&e->v, DONE);
    sva_dev_writel(&e->v.d, SVATEST_K_CLEAR, 1);
}

static void expect_completion(Env *e, unsigned n, uint32_t status,
                              uint32_t tag, uint64_t bytes, uint64_t result,
                              uint32_t detail, uint32_t sequence)
{
    uint64_t at = e->done + n * 32;

    g_assert_cmphex(qtest_readl(e->v.s->qts, at), ==, status);
    g_assert_cmphex(qtest_readl(e->v.s->qts, at + 4), ==, tag);
    g_assert_cmphex(sva_read64(e->v.s, at + 8), ==, bytes);
    g_assert_cmphex(sva_read64(e->v.s, at + 16), ==, result);
    g_assert_cmphex(qtest_readl(e->v.s->qts, at + 24), ==, detail);
    g_assert_cmphex(qtest_readl(e->v.s->qts, at + 28), ==, sequence);
}

static void test_completion(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_FILL | SVATEST_F_COMPLETION, .dst = DST,
        .length = 24, .tag = 0x12345678, .completion = DONE,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(r.bytes, ==, 24);
    expect_completion(&e, 0, SVATEST_ST_OK, 0x12345678, 24, 0, 0, 1);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_FILL | SVATEST_F_COMPLETION, .dst = ABSENT,
        .length = 24, .tag = 7, .completion = DONE + 32,
    });
    expect_completion(&e, 1, SVATEST_ST_NO_RIGHT, 7, 0, ABSENT,
                      SVATEST_DET_WRITE, 2);
    /* It cannot be written: an error, and the command stays what it was. */
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_FILL | SVATEST_F_COMPLETION, .dst = DST,
        .length = 24, .completion = ABSENT,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(r.bytes, ==, 24);
    g_assert_cmphex(r.result, ==, 0);
    g_assert_cmphex(r.detail, ==, 0);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_ERROR), ==,
                    SVATEST_ERR_COMPLETION);
    sva_quit(e.v.s);
}

/* Rings */

#define LG2     2u

static void ring_start(Env *e, uint32_t flags, uint32_t pasid, uint64_t base,
                       uint64_t head)
{
    sva_dev_channel(&e->v.d, 1, SVATEST_C_PASID, pasid);
    sva_dev_channel(&e->v.d, 1, SVATEST_C_RING_BASE, base);
    sva_dev_channel(&e->v.d, 1, SVATEST_C_RING_BASE + 4, base >> 32);
    sva_dev_channel(&e->v.d, 1, SVATEST_C_RING_SIZE, LG2);
    sva_dev_channel(&e->v.d, 1, SVATEST_C_HEAD_ADDR, head);
    sva_dev_channel(&e->v.d, 1, SVATEST_C_HEAD_ADDR + 4, head >> 32);
    sva_dev_channel(&e->v.d, 1, SVATEST_C_VECTOR, 2);
    sva_dev_channel(&e->v.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE | flags);
    g_assert_cmphex(sva_dev_readl(&e->v.d, SVATEST_R_ERROR), ==, 0);
}

static void ring_put(Env *e, unsigned index, const struct svatest_desc *d)
{
    qtest_memwrite(e->v.s->qts, e->ring + index * sizeof(*d), d, sizeof(*d));
}

static uint32_t ring_read(Env *e, unsigned reg)
{
    return sva_dev_readl(&e->v.d, SVATEST_R_DOORBELL(1) + reg);
}

/* Until the channel has nothing to do */
static void ring_wait(Env *e)
{
    int i;

    for (i = 0; i < 200 && ring_read(e, SVATEST_D_STATE) == SVATEST_STATE_RUN;
         i++) {
        ;
    }
}

/* The doorbell, and wait */
static void ring_tail(Env *e, unsigned tail)
{
    sva_dev_writel(&e->v.d, SVATEST_R_DOORBELL(1) + SVATEST_D_TAIL, tail);
    ring_wait(e);
}

static struct svatest_desc ring_fill(unsigned n, uint32_t flags)
{
    return (struct svatest_desc) {
        .op_flags = SVATEST_OP_FILL | SVATEST_F_COMPLETION | flags,
        .dst = DST + n * 8, .length = 8, .imm = 0x1000 + n, .tag = n,
        .completion = DONE + 64 + (n % 32) * 32,
    };
}

typedef struct RingMode {
    const char *name;
    uint32_t flags, pasid;
} RingMode;

static const RingMode ring_modes[] = {
    { "requester", 0, SVATEST_CP_VALID | PASID },
    { "pasid", SVATEST_CF_RING_PASID, SVATEST_CP_VALID | PASID },
    { "pasid-cached", SVATEST_CF_RING_PASID | SVATEST_CF_ATS,
      SVATEST_CP_VALID | PASID },
    { "no-pasid", 0, 0 },
};

/* Ten commands through four places, one or more at a time */
static void ring_case(const void *opaque)
{
    static const unsigned batch[] = { 1, 3, 2, 1, 3 };
    const RingMode *m = opaque;
    unsigned i, j, n = 0;
    Env e = { };

    env_start(&e);
    /* Only one address space has the ring. */
    if (m->flags & SVATEST_CF_RING_PASID) {
        vtd_map(&e.v.fs, HEAD, e.done, FS_ALL, 1);
        vtd_unbind(e.v.s, SID0, 0);
    } else if (m->pasid) {
        SvaTable rid;
        SvaEntry entry;

        vtd_table(&rid, e.v.s, false, 4, NULL);
        vtd_map(&rid, RING, e.ring, FS_ALL, 1);
        vtd_map(&rid, HEAD, e.done, FS_ALL, 1);
        entry = vtd_entry_first(&rid, ENV_DID + 1);
        vtd_bind(e.v.s, SID0, 0, &entry);
        sva_clear_bits(e.v.s, vtd_slot(&e.v.fs, RING, 1), FS_P);
    } else {
        vtd_map(&e.v.fs, HEAD, e.done, FS_ALL, 1);
    }
    vtd_flush_all(e.v.s);
    ring_start(&e, m->flags, m->pasid, RING, HEAD);
    for (i = 0; i < ARRAY_SIZE(batch); i++) {
        for (j = 0; j < batch[i]; j++, n++) {
            struct svatest_desc d = ring_fill(n, 0);

            ring_put(&e, n % 4, &d);
        }
        ring_tail(&e, n % 4);
        g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, n % 4);
        g_assert_cmphex(ring_read(&e, SVATEST_D_TAIL), ==, n % 4);
        g_assert_cmphex(sva_read64(e.v.s, e.done), ==, n % 4);
    }
    for (i = 0; i < n; i++) {
        g_assert_cmphex(sva_read64(e.v.s, e.dst + i * 8), ==, 0x1000 + i);
        expect_completion(&e, i + 2, SVATEST_ST_OK, i, 8, 0, 0, i + 1);
    }
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_COMMANDS), ==, n);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_ERROR), ==, 0);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_IDLE);
    vtd_expect_no_fault(e.v.s);
    sva_quit(e.v.s);
}

/* A command that fails does not stop the ring. */
static void test_ring_command_fails(void)
{
    struct svatest_desc d = ring_fill(0, 0);
    Env e = { };

    env_start(&e);
    ring_start(&e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    d.dst = ABSENT;
    ring_put(&e, 0, &d);
    d.op_flags = 0xff;
    ring_put(&e, 1, &d);
    d = ring_fill(2, 0);
    ring_put(&e, 2, &d);
    ring_tail(&e, 3);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 3);
    g_assert_cmphex(ring_read(&e, SVATEST_D_ERROR), ==, SVATEST_ST_BAD_DESC);
    expect_completion(&e, 2, SVATEST_ST_ACCESS, 0, 0, ABSENT,
                      SVATEST_DET_WRITE | SVATEST_REASON_BLOCKED << 8, 1);
    expect_completion(&e, 4, SVATEST_ST_OK, 2, 8, 0, 0, 3);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_ERROR), ==,
                    SVATEST_ERR_DESC);
    sva_quit(e.v.s);
}

/* A descriptor that cannot be read does, until the channel is set up again. */
static void test_ring_fetch_error(void)
{
    struct svatest_desc d = ring_fill(0, 0);
    Env e = { };

    env_start(&e);
    ring_start(&e, SVATEST_CF_RING_PASID, SVATEST_CP_VALID | PASID, RING, 0);
    ring_put(&e, 0, &d);
    sva_clear_bits(e.v.s, vtd_slot(&e.v.fs, RING, 1), FS_P);
    ring_tail(&e, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_ERROR);
    g_assert_cmphex(ring_read(&e, SVATEST_D_ERROR), ==, SVATEST_ST_ACCESS);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 0);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_ERROR), ==,
                    SVATEST_ERR_RING);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_STATUS), ==,
                    SVATEST_STS_ENABLED);
    sva_set_bits(e.v.s, vtd_slot(&e.v.fs, RING, 1), FS_P);
    ring_tail(&e, 1);
    g_assert_cmphex(sva_read64(e.v.s, e.dst), ==, 0);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, 0);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_HALTED);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                    SVATEST_CF_RING_PASID);
    ring_tail(&e, 1);
    g_assert_cmphex(sva_read64(e.v.s, e.dst), ==, 0x1000);
    sva_quit(e.v.s);
}

/* The same for one that is where nobody answers, and for a completion */
static void test_ring_bus_error(void)
{
    struct svatest_desc d = ring_fill(0, 0);
    Env e = { };

    env_start(&e);
    vtd_map(&e.v.fs, ABSENT, 0x700000000000ull, FS_ALL, 1);
    sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_NOP | SVATEST_F_COMPLETION,
        .completion = ABSENT,
    });
    g_assert_cmphex(sva_dev_errors(&e.v.d), ==, SVATEST_ERR_COMPLETION);
    ring_start(&e, SVATEST_CF_RING_PASID, SVATEST_CP_VALID | PASID, RING,
               ABSENT);
    ring_put(&e, 0, &d);
    ring_tail(&e, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 1);
    g_assert_cmphex(sva_dev_errors(&e.v.d), ==, SVATEST_ERR_COMPLETION);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, 0);
    ring_start(&e, SVATEST_CF_RING_PASID, SVATEST_CP_VALID | PASID, ABSENT, 0);
    ring_tail(&e, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_ERROR);
    g_assert_cmphex(ring_read(&e, SVATEST_D_ERROR), ==, SVATEST_ST_ACCESS);
    g_assert_cmphex(sva_dev_errors(&e.v.d), ==, SVATEST_ERR_RING);
    sva_quit(e.v.s);
}

/* One command a slice: the next slice comes by itself. */
static void test_ring_slices(void)
{
    uint64_t before;
    unsigned i;
    Env e = { };

    env_start(&e);
    sva_dev_writel(&e.v.d, SVATEST_K_SLICE_CMDS, 1);
    ring_start(&e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    for (i = 0; i < 3; i++) {
        struct svatest_desc d = ring_fill(i, 0);

        ring_put(&e, i, &d);
    }
    /* They begin when the function is enabled. */
    sva_dev_writel(&e.v.d, SVATEST_R_CONTROL, 0);
    ring_tail(&e, 3);
    qtest_clock_step(e.v.s->qts, 1000);
    before = sva_env_count(&e.v, SVATEST_CNT_SLICES);
    sva_dev_writel(&e.v.d, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
    ring_wait(&e);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 3);
    g_assert_cmphex(sva_read64(e.v.s, e.dst + 16), ==, 0x1002);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_SLICES) - before, >=, 3);
    sva_quit(e.v.s);
}

/* A command of the ring that takes a while has begun. */
static void ring_start_delay(Env *e)
{
    const struct svatest_desc d = {
        .op_flags = SVATEST_OP_DELAY, .imm = 1000,
    };

    env_start(e);
    ring_start(e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    ring_put(e, 0, &d);
    sva_dev_writel(&e->v.d, SVATEST_R_DOORBELL(1) + SVATEST_D_TAIL, 1);
    qtest_clock_step(e->v.s->qts, 1000);
}

/* An abort ends the command of a ring, and no immediate one. */
static void test_ring_abort(void)
{
    Env e = { };

    ring_start_delay(&e);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_RUN);
    sva_dev_writel(&e.v.d, SVATEST_R_CONTROL,
                   SVATEST_CTRL_ENABLE | SVATEST_CTRL_ABORT);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_ERROR), ==, SVATEST_ST_ABORTED);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATUS), ==, 0);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_IDLE);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_COMMANDS), ==, 1);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, 0);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 0);
    sva_quit(e.v.s);
}

/* What is due goes on by itself. */
static void test_ring_delay(void)
{
    Env e = { };

    ring_start_delay(&e);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 0);
    qtest_clock_step(e.v.s->qts, 1000 * 1000);
    ring_wait(&e);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 1);
    sva_quit(e.v.s);
}

/* One that waits behind it ends with the channel. */
static void test_ring_abort_pending(void)
{
    Env e = { };

    ring_start_delay(&e);
    sva_dev_writel(&e.v.d, SVATEST_R_DOORBELL(1) + SVATEST_D_START, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATUS), ==, SVATEST_IMM_BUSY);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, 0);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATUS), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_ABORTED);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    qtest_clock_step(e.v.s->qts, 1000);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_IDLE);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATUS), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_ABORTED);
    sva_quit(e.v.s);
}

/* The head cannot be written: an error, the ring goes on. */
static void test_ring_head_error(void)
{
    struct svatest_desc d = ring_fill(0, 0);
    Env e = { };

    env_start(&e);
    ring_start(&e, SVATEST_CF_RING_PASID, SVATEST_CP_VALID | PASID, RING,
               ABSENT);
    ring_put(&e, 0, &d);
    ring_tail(&e, 1);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_ERROR), ==,
                    SVATEST_ERR_COMPLETION);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 1);
    expect_completion(&e, 2, SVATEST_ST_OK, 0, 8, 0, 0, 1);
    sva_quit(e.v.s);
}

/* A process may write anything there: ignored, and nobody is told. */
static void test_ring_bad_tail(void)
{
    struct svatest_desc d = ring_fill(0, 0);
    Env e = { };

    env_start(&e);
    ring_start(&e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    ring_put(&e, 0, &d);
    ring_tail(&e, 4);
    ring_tail(&e, UINT32_MAX);
    g_assert_cmphex(ring_read(&e, SVATEST_D_TAIL), ==, 0);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, 0);
    ring_tail(&e, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_TAIL), ==, 0);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_ERROR), ==, 0);
    g_assert_cmphex(sva_read64(e.v.s, e.dst), ==, 0);
    sva_quit(e.v.s);
}

/* An immediate command goes before those that wait in the ring. */
static void test_immediate_first(void)
{
    struct svatest_desc d = ring_fill(0, 0);
    Env e = { };

    env_start(&e);
    ring_start(&e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    ring_put(&e, 0, &d);
    d = ring_fill(1, 0);
    ring_put(&e, 1, &d);
    d = ring_fill(2, 0);
    /* Nothing runs before the function is enabled. */
    sva_dev_writel(&e.v.d, SVATEST_R_CONTROL, 0);
    ring_tail(&e, 2);
    qtest_clock_step(e.v.s->qts, 1000);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_HALTED);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 0);
    sva_dev_writel(&e.v.d, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
    sva_issue_on(&e.v.d, 1, &d);
    ring_tail(&e, 2);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 2);
    g_assert_cmphex(sva_read64(e.v.s, e.dst + 16), ==, 0x1002);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATUS), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_OK);
    sva_quit(e.v.s);
}

/* What waits in the ring of a channel that is turned off is forgotten. */
static void test_ring_off(void)
{
    struct svatest_desc d = ring_fill(0, 0);
    Env e = { };

    env_start(&e);
    ring_start(&e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    ring_put(&e, 0, &d);
    sva_dev_writel(&e.v.d, SVATEST_R_CONTROL, 0);
    ring_tail(&e, 1);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_STATUS), ==,
                    SVATEST_STS_BUSY);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, 0);
    sva_dev_writel(&e.v.d, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
    qtest_clock_step(e.v.s->qts, 1000);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATE), ==, SVATEST_STATE_HALTED);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_STATUS), ==,
                    SVATEST_STS_ENABLED);
    g_assert_cmphex(sva_read64(e.v.s, e.dst), ==, 0);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    g_assert_cmphex(ring_read(&e, SVATEST_D_TAIL), ==, 0);
    sva_quit(e.v.s);
}

/* The head that is written back is that of the ring. */
static void test_immediate_no_head(void)
{
    struct svatest_desc d = ring_fill(1, 0);
    Env e = { };

    env_start(&e);
    ring_start(&e, SVATEST_CF_RING_PASID, SVATEST_CP_VALID | PASID, RING,
               DONE);
    sva_write64(e.v.s, e.done, 0x77);
    sva_issue_on(&e.v.d, 1, &d);
    ring_tail(&e, 0);
    g_assert_cmphex(ring_read(&e, SVATEST_D_STATUS), ==,
                    SVATEST_IMM_DONE | SVATEST_ST_OK);
    g_assert_cmphex(sva_read64(e.v.s, e.done), ==, 0x77);
    /* The next one of the ring moves it. */
    ring_put(&e, 0, &d);
    ring_tail(&e, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 1);
    g_assert_cmphex(sva_read64(e.v.s, e.done), ==, 1);
    sva_quit(e.v.s);
}

/* Interrupts: vector n is 0x60 + n */

static bool interrupt(Env *e, unsigned n)
{
    return sva_vector(e->v.s, 0x60 + n);
}

static void test_vectors(void)
{
    struct svatest_desc d = ring_fill(0, SVATEST_F_IRQ);
    Env e = { };
    SvaResult r;

    env_start(&e);
    sva_dev_msix(&e.v.d, 0x60);
    ring_start(&e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    ring_put(&e, 0, &d);
    ring_tail(&e, 1);
    g_assert_true(interrupt(&e, 2));
    g_assert_false(interrupt(&e, 0));
    g_assert_false(interrupt(&e, 1));
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==,
                    SVATEST_INTR_CHANNEL(1));
    sva_dev_writel(&e.v.d, SVATEST_R_INTR_CAUSE, SVATEST_INTR_CHANNEL(1));
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    /* A command may name any vector. */
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_IRQ, .imm = 4,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_true(interrupt(&e, 4));
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    /* The first error, not the next one */
    sva_dev_writel(&e.v.d, SVATEST_R_CHANNEL(2) + SVATEST_C_VECTOR, 99);
    g_assert_true(interrupt(&e, 0));
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==,
                    SVATEST_INTR_ERROR);
    sva_dev_writel(&e.v.d, SVATEST_R_INTR_CAUSE, SVATEST_INTR_ERROR);
    sva_dev_writel(&e.v.d, SVATEST_R_CHANNEL(2) + SVATEST_C_VECTOR, 99);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    sva_quit(e.v.s);
}

/* No message without the flag */
static void test_no_interrupt(void)
{
    struct svatest_desc d = ring_fill(0, 0);
    Env e = { };

    env_start(&e);
    sva_dev_msix(&e.v.d, 0x60);
    ring_start(&e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    ring_put(&e, 0, &d);
    ring_tail(&e, 1);
    g_assert_false(interrupt(&e, 2));
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    sva_quit(e.v.s);
}

/* A cause that is masked sends its message when it is unmasked. */
static void test_mask(void)
{
    struct svatest_desc d = ring_fill(0, SVATEST_F_IRQ);
    Env e = { };

    env_start(&e);
    sva_dev_msix(&e.v.d, 0x60);
    sva_dev_writel(&e.v.d, SVATEST_R_INTR_MASK, UINT32_MAX);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_MASK), ==, 0x3ff);
    ring_start(&e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    ring_put(&e, 0, &d);
    ring_tail(&e, 1);
    g_assert_false(interrupt(&e, 2));
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==,
                    SVATEST_INTR_CHANNEL(1));
    sva_dev_writel(&e.v.d, SVATEST_R_INTR_MASK, SVATEST_INTR_CHANNEL(1));
    g_assert_false(interrupt(&e, 2));
    sva_dev_writel(&e.v.d, SVATEST_R_INTR_MASK, 0);
    g_assert_true(interrupt(&e, 2));
    sva_quit(e.v.s);
}

static void coalesce_start(Env *e, uint32_t coalesce)
{
    unsigned i;

    env_start(e);
    sva_dev_msix(&e->v.d, 0x60);
    sva_dev_channel(&e->v.d, 1, SVATEST_C_COALESCE, coalesce);
    ring_start(e, 0, SVATEST_CP_VALID | PASID, RING, 0);
    for (i = 0; i < 4; i++) {
        struct svatest_desc d = ring_fill(i, SVATEST_F_IRQ);

        ring_put(e, i, &d);
    }
}

/* Until so many have ended */
static void test_coalesce_count(void)
{
    Env e = { };

    coalesce_start(&e, 2 | 1000 << 16);
    ring_tail(&e, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 1);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    ring_tail(&e, 2);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==,
                    SVATEST_INTR_CHANNEL(1));
    g_assert_true(interrupt(&e, 2));
    /* The count begins anew, and the time is not running. */
    sva_dev_writel(&e.v.d, SVATEST_R_INTR_CAUSE, SVATEST_INTR_CHANNEL(1));
    qtest_clock_step(e.v.s->qts, 2000 * 1000);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    ring_tail(&e, 3);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    sva_quit(e.v.s);
}

/* Or the time is over */
static void test_coalesce_time(void)
{
    Env e = { };

    coalesce_start(&e, 3 | 50 << 16);
    ring_tail(&e, 1);
    qtest_clock_step(e.v.s->qts, 30 * 1000);
    ring_tail(&e, 2);
    qtest_clock_step(e.v.s->qts, 19 * 1000);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    qtest_clock_step(e.v.s->qts, 1000);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==,
                    SVATEST_INTR_CHANNEL(1));
    sva_quit(e.v.s);
}

/* A channel that is turned off and on begins both anew. */
static void test_coalesce_off(void)
{
    Env e = { };

    coalesce_start(&e, 2 | 50 << 16);
    ring_tail(&e, 1);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, 0);
    sva_dev_channel(&e.v.d, 1, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    qtest_clock_step(e.v.s->qts, 100 * 1000);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    ring_tail(&e, 1);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 1);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==, 0);
    qtest_clock_step(e.v.s->qts, 50 * 1000);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_INTR_CAUSE), ==,
                    SVATEST_INTR_CHANNEL(1));
    sva_quit(e.v.s);
}

/* Without a time: nothing more to do */
static void test_coalesce_idle(void)
{
    Env e = { };

    coalesce_start(&e, 9);
    ring_tail(&e, 3);
    g_assert_cmphex(ring_read(&e, SVATEST_D_HEAD), ==, 3);
    g_assert_true(interrupt(&e, 2));
    sva_quit(e.v.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/svatest/" name, fn)
    ADD("completion", test_completion);
    SVA_ADD_TABLE("ring", ring_modes, ring_case);
    ADD("ring/command-fails", test_ring_command_fails);
    ADD("ring/fetch-error", test_ring_fetch_error);
    ADD("ring/head-error", test_ring_head_error);
    ADD("ring/bad-tail", test_ring_bad_tail);
    ADD("ring/immediate-first", test_immediate_first);
    ADD("ring/immediate-no-head", test_immediate_no_head);
    ADD("ring/off", test_ring_off);
    ADD("ring/bus-error", test_ring_bus_error);
    ADD("ring/slices", test_ring_slices);
    ADD("ring/abort", test_ring_abort);
    ADD("ring/delay", test_ring_delay);
    ADD("ring/abort-pending", test_ring_abort_pending);
    ADD("interrupt/vectors", test_vectors);
    ADD("interrupt/none", test_no_interrupt);
    ADD("interrupt/mask", test_mask);
    ADD("interrupt/coalesce-count", test_coalesce_count);
    ADD("interrupt/coalesce-time", test_coalesce_time);
    ADD("interrupt/coalesce-idle", test_coalesce_idle);
    ADD("interrupt/coalesce-off", test_coalesce_off);
    return g_test_run();
}
