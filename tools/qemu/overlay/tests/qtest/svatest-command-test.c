/*
 * Commands of svatest: operations, and descriptors that are refused
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the device's manual says of each operation, with its result, status and
 * counters.
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define IOVA    ENV_IOVA
#define SRC     0x100000000000ull
#define DST     0x200000000000ull
#define ABSENT  0x400000000000ull
#define BESIDE  0x500000000000ull

typedef struct Env {
    SvaEnv v;
    uint64_t src[2], dst[2];    /* two pages each, not next to each other */
} Env;

static void env_start(Env *e)
{
    int i;

    sva_env_start(&e->v, "", "");
    for (i = 0; i < 2; i++) {
        e->src[i] = sva_env_map(&e->v, SRC + i * KiB4);
        sva_page(e->v.s);
        e->dst[i] = sva_env_map(&e->v, DST + i * KiB4);
        sva_page(e->v.s);
    }
    sva_dev_writel(&e->v.d, SVATEST_K_CLEAR, 1);
}

/* Bytes at an address of one of the pairs of pages */
static void poke(Env *e, const uint64_t pages[2], unsigned at,
                 const uint8_t *buf, unsigned len)
{
    unsigned i;

    for (i = 0; i < len; i++) {
        qtest_writeb(e->v.s->qts, pages[(at + i) / KiB4] + (at + i) % KiB4,
                     buf[i]);
    }
}

static void expect_bytes(Env *e, const uint64_t pages[2], unsigned at,
                         const uint8_t *buf, unsigned len)
{
    unsigned i;

    for (i = 0; i < len; i++) {
        g_assert_cmphex(qtest_readb(e->v.s->qts, pages[(at + i) / KiB4] +
                                    (at + i) % KiB4), ==, buf[i]);
    }
}

static void expect_ok(const SvaResult *r, uint64_t bytes, uint64_t result)
{
    g_assert_cmphex(r->status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r->bytes, ==, bytes);
    g_assert_cmphex(r->result, ==, result);
}

static const uint8_t text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
#define LEN     36
#define OFF     (4096 - 10)     /* crosses into the second page */

static void test_copy(const void *opaque)
{
    uint32_t flags = GPOINTER_TO_UINT(opaque);
    uint8_t zero[4] = { };
    Env e = { };
    SvaResult r;

    env_start(&e);
    poke(&e, e.src, OFF, text, LEN);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_COPY | flags, .src = SRC + OFF,
        .dst = DST + 4096 - 20, .length = LEN,
    });
    expect_ok(&r, LEN, 0);
    expect_bytes(&e, e.dst, 4096 - 20, text, LEN);
    expect_bytes(&e, e.dst, 4096 - 24, zero, 4);
    expect_bytes(&e, e.dst, 4096 - 20 + LEN, zero, 4);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_BYTES), ==, LEN);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_COMMANDS), ==, 1);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_FAULTS), ==, 0);
    sva_quit(e.v.s);
}

/* As far as it goes: bytes done, and the address that failed */
static void test_copy_partial(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_COPY | SVATEST_F_UNTRANSLATED,
        .src = SRC + 0x1000, .dst = DST, .length = 0x1800,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmphex(r.bytes, ==, 0x1000);
    g_assert_cmphex(r.result, ==, SRC + 0x2000);
    g_assert_cmphex(r.detail, ==, SVATEST_DET_READ |
                    SVATEST_REASON_BLOCKED << 8);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_FAULTS), ==, 1);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_DOORBELL(0) +
                                  SVATEST_D_ERROR), ==, SVATEST_ST_ACCESS);
    sva_quit(e.v.s);
}

static void test_fill(void)
{
    uint8_t want[21];
    Env e = { };
    SvaResult r;
    int i;

    env_start(&e);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_FILL, .dst = DST + 4096 - 9, .length = 20,
        .imm = 0x8877665544332211,
    });
    expect_ok(&r, 20, 0);
    for (i = 0; i < 20; i++) {
        want[i] = 0x11 * (i % 8 + 1);
    }
    want[20] = 0;
    expect_bytes(&e, e.dst, 4096 - 9, want, 21);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_BYTES), ==, 20);
    sva_quit(e.v.s);
}

static void test_compare(void)
{
    struct svatest_desc desc = {
        .op_flags = SVATEST_OP_COMPARE, .src = SRC + OFF, .dst = DST,
        .length = LEN,
    };
    Env e = { };
    SvaResult r;

    env_start(&e);
    poke(&e, e.src, OFF, text, LEN);
    poke(&e, e.dst, 0, text, LEN);
    r = sva_env_run(&e.v, desc);
    expect_ok(&r, LEN, 0);
    qtest_writeb(e.v.s->qts, e.dst[0] + 30, '#');
    r = sva_env_run(&e.v, desc);
    g_assert_cmphex(r.status, ==, SVATEST_ST_MISMATCH);
    g_assert_cmphex(r.bytes, ==, 30);
    g_assert_cmphex(r.result, ==, SRC + OFF + 30);
    sva_quit(e.v.s);
}

static void test_crc(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    /* The check value of CRC-32 is that of these nine bytes. */
    poke(&e, e.src, 4096 - 4, (const uint8_t *)"123456789", 9);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_CRC, .src = SRC + 4096 - 4, .length = 9,
    });
    expect_ok(&r, 9, 0xcbf43926);
    /* The next one begins anew. */
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_CRC, .src = SRC + 4096 - 4, .length = 9,
    });
    expect_ok(&r, 9, 0xcbf43926);
    sva_quit(e.v.s);
}

static void test_device_memory(void)
{
    uint64_t mem;
    Env e = { };
    SvaResult r;
    int i;

    env_start(&e);
    mem = e.v.d.bar[SVATEST_BAR_MEM];
    poke(&e, e.src, OFF, text, LEN);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_READ, .src = SRC + OFF,
        .dst = SVATEST_MEM_SIZE - LEN, .length = LEN,
    });
    expect_ok(&r, LEN, 0);
    for (i = 0; i < LEN; i++) {
        g_assert_cmphex(qtest_readb(e.v.s->qts, mem + SVATEST_MEM_SIZE - LEN +
                                    i), ==, text[i]);
    }
    qtest_memwrite(e.v.s->qts, mem + 5, text, LEN);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_WRITE, .src = 5, .dst = DST + OFF,
        .length = LEN,
    });
    expect_ok(&r, LEN, 0);
    expect_bytes(&e, e.dst, OFF, text, LEN);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_WRITE, .src = 5, .dst = ABSENT, .length = LEN,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmphex(r.result, ==, ABSENT);
    g_assert_cmphex(r.detail, ==, SVATEST_DET_WRITE);
    sva_quit(e.v.s);
}

typedef struct Atomic {
    const char *name;
    unsigned kind, length;
    uint64_t old, imm, imm2, want;
} Atomic;

static const Atomic atomics[] = {
    { "add-8", SVATEST_ATOMIC_ADD, 8, 0xffffffffull, 1, 0, 0x100000000ull },
    { "add-4", SVATEST_ATOMIC_ADD, 4, 0x7ffffffffull, 2, 0, 0x700000001ull },
    { "swap-8", SVATEST_ATOMIC_SWAP, 8, 5, 0x123456789abcdefull, 0,
      0x123456789abcdefull },
    { "swap-4", SVATEST_ATOMIC_SWAP, 4, 0xaaaaaaaabbbbbbbbull, 7, 0,
      0xaaaaaaaa00000007ull },
    { "cas-8", SVATEST_ATOMIC_CAS, 8, 5ull << 40, 9, 5ull << 40, 9 },
    { "cas-8-other", SVATEST_ATOMIC_CAS, 8, 5ull << 40, 9, 5, 5ull << 40 },
    { "cas-4", SVATEST_ATOMIC_CAS, 4, 5, 9, 0xff00000005ull, 9 },
    { "cas-4-other", SVATEST_ATOMIC_CAS, 4, 5, 9, 6, 5 },
};

static void atomic_case(const void *opaque)
{
    const Atomic *a = opaque;
    Env e = { };
    SvaResult r;

    env_start(&e);
    sva_write64(e.v.s, e.dst[0] + 8, a->old);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_ATOMIC, .dst = DST + 8, .length = a->length,
        .imm = a->imm, .imm2 = a->imm2, .aux = a->kind,
    });
    expect_ok(&r, a->length, a->length == 4 ? (uint32_t)a->old : a->old);
    g_assert_cmphex(sva_read64(e.v.s, e.dst[0] + 8), ==, a->want);
    sva_quit(e.v.s);
}

/* Not memory: such an AtomicOp is not supported by its completer. */
static void test_atomic_device(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    vtd_map(&e.v.fs, ABSENT, VTD_BASE, FS_ALL, 1);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_ATOMIC, .dst = ABSENT, .length = 8,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, SVATEST_REASON_BUS);
    g_assert_cmphex(r.result, ==, ABSENT);
    sva_quit(e.v.s);
}

/* Nobody answers there: each data command says so. */
static void bus_error_case(const void *opaque)
{
    unsigned op = GPOINTER_TO_UINT(opaque);
    Env e = { };
    SvaResult r;

    env_start(&e);
    vtd_map(&e.v.fs, ABSENT, 0x700000000000ull, FS_ALL, 1);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = op, .src = op == SVATEST_OP_WRITE ? 0 : ABSENT,
        .dst = op == SVATEST_OP_READ ? 0 : ABSENT, .length = 8, .imm2 = 8,
        .aux = op == SVATEST_OP_TOUCH ? SVATEST_AUX_WRITE : 0,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, SVATEST_REASON_BUS);
    g_assert_cmphex(r.result, ==, ABSENT);
    g_assert_cmphex(r.bytes, ==, 0);
    sva_quit(e.v.s);
}

/* No page: each of them ends there, source before destination. */
static void no_right_case(const void *opaque)
{
    unsigned op = GPOINTER_TO_UINT(opaque);
    bool write = op == SVATEST_OP_FILL || op == SVATEST_OP_WRITE ||
                 op == SVATEST_OP_TOUCH;
    Env e = { };
    SvaResult r;

    env_start(&e);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = op, .src = op == SVATEST_OP_WRITE ? 0 : ABSENT,
        .dst = op == SVATEST_OP_READ ? 0 : ABSENT + KiB4, .length = 8,
        .imm2 = 8, .aux = op == SVATEST_OP_TOUCH ? SVATEST_AUX_WRITE : 0,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmphex(r.detail, ==, write ? SVATEST_DET_WRITE :
                    op == SVATEST_OP_ATOMIC ? SVATEST_DET_READ |
                    SVATEST_DET_WRITE : SVATEST_DET_READ);
    g_assert_cmphex(r.result, ==, write || op == SVATEST_OP_ATOMIC ?
                    ABSENT + KiB4 : ABSENT);
    g_assert_cmphex(r.bytes, ==, 0);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_FAULTS), ==, 0);
    vtd_expect_no_fault(e.v.s);
    sva_quit(e.v.s);
}

/* Registers of a device are copied like memory, piece by piece. */
static void test_copy_registers(void)
{
    uint64_t memory;
    SvaDev other;
    Env e = { };
    SvaResult r;
    int i;

    env_start(&e);
    sva_dev_init(&other, e.v.s, SID1);
    sva_dev_writel(&other, SVATEST_K_SLICE_CMDS, 77);
    memory = sva_pages(e.v.s, 2 * KiB4, KiB4);
    for (i = 0; i < 2; i++) {
        vtd_map(&e.v.fs, ABSENT + i * KiB4, other.bar[0] + i * KiB4, FS_ALL,
                1);
        vtd_map(&e.v.fs, BESIDE + i * KiB4, memory + i * KiB4, FS_ALL, 1);
        /* In the cache, so that one piece has both pages */
        g_assert_true(sva_access(&e.v.d, PASID, ABSENT + i * KiB4,
                                 A_READ | A_ATS));
        g_assert_true(sva_access(&e.v.d, PASID, BESIDE + i * KiB4,
                                 A_WRITE | A_ATS));
    }
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_COPY, .src = ABSENT, .dst = BESIDE,
        .length = 2 * KiB4,
    });
    expect_ok(&r, 2 * KiB4, 0);
    g_assert_cmphex(qtest_readl(e.v.s->qts, memory), ==, SVATEST_MAGIC);
    g_assert_cmpuint(qtest_readl(e.v.s->qts, memory + SVATEST_K_SLICE_CMDS),
                     ==, 77);
    qtest_writel(e.v.s->qts, e.src[0], 55);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_COPY, .src = SRC,
        .dst = ABSENT + SVATEST_K_SLICE_CMDS, .length = 4,
    });
    expect_ok(&r, 4, 0);
    g_assert_cmpuint(sva_dev_readl(&other, SVATEST_K_SLICE_CMDS), ==, 55);
    sva_quit(e.v.s);
}

/* The same where one of two addresses is good */
static void test_bus_error_sides(void)
{
    static const unsigned ops[] = { SVATEST_OP_COPY, SVATEST_OP_COMPARE };
    unsigned i;
    Env e = { };

    env_start(&e);
    vtd_map(&e.v.fs, ABSENT, 0x700000000000ull, FS_ALL, 1);
    for (i = 0; i < 4; i++) {
        SvaResult r = sva_env_run(&e.v, (struct svatest_desc) {
            .op_flags = ops[i / 2], .src = i % 2 ? ABSENT : SRC,
            .dst = i % 2 ? DST : ABSENT, .length = 8,
        });

        g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
        g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, SVATEST_REASON_BUS);
        g_assert_cmphex(r.bytes, ==, 0);
    }
    sva_quit(e.v.s);
}

static void test_touch(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_TOUCH, .dst = DST + 3, .length = 0x1802,
        .imm = 0xabcd, .imm2 = 0x801, .aux = SVATEST_AUX_WRITE,
    });
    expect_ok(&r, 0x1802, 3);
    g_assert_cmphex(sva_read64(e.v.s, e.dst[0]), ==, 0xcdull << 24);
    g_assert_cmphex(sva_read64(e.v.s, e.dst[0] + 0x800), ==, 0xcdull << 32);
    g_assert_cmphex(sva_read64(e.v.s, e.dst[1]), ==, 0xcdull << 40);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_BYTES), ==, 3);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_TOUCH, .dst = DST, .length = 0x3000,
        .imm2 = 0x1000,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmphex(r.bytes, ==, 0x2000);
    g_assert_cmphex(r.result, ==, DST + 0x2000);
    /* The count begins anew. */
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_TOUCH, .dst = DST, .length = 0x2000,
        .imm2 = 0x1000,
    });
    expect_ok(&r, 0x2000, 2);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_TOUCH, .dst = DST, .length = 0x3000,
        .imm2 = 0x1000,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
    g_assert_cmphex(r.detail, ==, SVATEST_DET_READ);
    g_assert_cmphex(sva_read64(e.v.s, e.dst[0]), ==, 0xcdull << 24);
    sva_quit(e.v.s);
}

static void expect_entry(Env *e, unsigned n, uint64_t iova, uint64_t addr,
                         uint32_t pasid, uint32_t detail)
{
    uint64_t at = e->v.d.bar[SVATEST_BAR_MEM] + n * 32;

    g_assert_cmphex(qtest_readq(e->v.s->qts, at), ==, iova);
    g_assert_cmphex(qtest_readq(e->v.s->qts, at + 8), ==, addr);
    g_assert_cmphex(qtest_readl(e->v.s->qts, at + 16), ==, pasid);
    g_assert_cmphex(qtest_readl(e->v.s->qts, at + 20), ==, detail);
    g_assert_cmphex(qtest_readq(e->v.s->qts, at + 24), ==, 0);
}

static void test_prefetch(void)
{
    const uint32_t rw = SVATEST_DET_READ | SVATEST_DET_WRITE | 12 << 24;
    Env e = { };
    SvaResult r;

    env_start(&e);
    sva_clear_bits(e.v.s, vtd_slot(&e.v.fs, DST + KiB4, 1), FS_RW);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_PREFETCH, .src = DST, .length = 0x3000,
        .aux = SVATEST_AUX_WRITE | SVATEST_AUX_READ,
    });
    /* The third page is absent: a success that grants nothing */
    expect_ok(&r, 0x3000, 2);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_TRANSLATIONS), ==, 3);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_FAULTS), ==, 0);
    sva_access(&e.v.d, NO_PASID, SRC, A_READ | A_ATS);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_ATC_DUMP, .length = 0x1000,
    });
    g_assert_cmpuint(r.result, ==, 3);
    g_assert_cmpuint(r.bytes, ==, 3 * 32);
    expect_entry(&e, 0, DST, e.dst[0], PASID | SVATEST_DP_VALID, rw);
    expect_entry(&e, 1, DST + KiB4, e.dst[1], PASID | SVATEST_DP_VALID,
                 SVATEST_DET_READ | 12 << 24);
    g_assert_cmphex(qtest_readl(e.v.s->qts, e.v.d.bar[SVATEST_BAR_MEM] + 80),
                    ==, 0);
    /* No room for more than one */
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_ATC_DUMP, .dst = 0x100, .length = 63,
    });
    expect_ok(&r, 32, 3);
    sva_quit(e.v.s);
}

static void test_delay(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    r = sva_env_run(&e.v, (struct svatest_desc) {
        .op_flags = SVATEST_OP_DELAY, .imm = 300,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_NONE);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_STATUS), ==,
                    SVATEST_STS_ENABLED | SVATEST_STS_BUSY);
    g_assert_cmphex(sva_dev_state(&e.v.d, 0), ==, SVATEST_STATE_RUN);
    qtest_clock_step(e.v.s->qts, 299 * 1000);
    g_assert_cmphex(sva_result(&e.v.d).status, ==, SVATEST_ST_NONE);
    qtest_clock_step(e.v.s->qts, 1000);
    r = sva_result(&e.v.d);
    expect_ok(&r, 0, 0);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_STATUS), ==,
                    SVATEST_STS_ENABLED);
    g_assert_cmphex(sva_dev_state(&e.v.d, 0), ==, SVATEST_STATE_IDLE);
    sva_quit(e.v.s);
}

/* Commands that are refused as a whole */
typedef struct Bad {
    const char *name;
    struct svatest_desc d;
    bool plain;         /* the channel is not trusted */
    bool fine;          /* this one is not refused */
} Bad;

#define OP(name)    .op_flags = SVATEST_OP_##name
static const Bad bads[] = {
    { "op", { .op_flags = 0x18 } },
    { "op/last", { .op_flags = 0xff } },
    { "flag", { .op_flags = 1 << 17 } },
    { "flag/top", { .op_flags = 1u << 31 } },
    { "pasid", { .pasid = 1 << 20 } },
    { "pasid/plain", { .pasid = 1 }, true },
    { "privileged/plain", { .op_flags = SVATEST_F_PRIV }, true },
    { "execute/plain", { .op_flags = SVATEST_F_EXEC }, true },
    { "translated/plain", { .op_flags = SVATEST_F_TRANSLATED }, true },
    { "nop/plain", { }, true, true },
    { "nop/trusted", { .op_flags = SVATEST_F_PRIV | SVATEST_F_EXEC },
      false, true },
    { "completion/alignment", { .op_flags = SVATEST_F_COMPLETION,
                                .completion = DST + 16 } },
    { "completion/none", { .op_flags = SVATEST_F_COMPLETION } },
    { "nop/aux", { .aux = 1 } },
    { "copy/length", { OP(COPY), .src = SRC, .dst = DST,
                       .length = SVATEST_LENGTH_MAX + 1 } },
    { "copy/source-wraps", { OP(COPY), .src = -8ull, .dst = DST,
                             .length = 9 } },
    { "copy/destination-wraps", { OP(COPY), .src = SRC, .dst = -8ull,
                                  .length = 9 } },
    { "compare/source-wraps", { OP(COMPARE), .src = -8ull, .length = 9 } },
    { "fill/wraps", { OP(FILL), .dst = -8ull, .length = 9 } },
    { "crc/wraps", { OP(CRC), .src = -8ull, .length = 9 } },
    { "read/memory", { OP(READ), .src = SRC, .dst = SVATEST_MEM_SIZE - 7,
                       .length = 8 } },
    { "read/memory-length", { OP(READ), .src = SRC,
                              .length = SVATEST_MEM_SIZE + 1 } },
    { "read/source", { OP(READ), .src = -8ull, .length = 9 } },
    { "write/memory", { OP(WRITE), .dst = DST, .src = SVATEST_MEM_SIZE,
                        .length = 1 } },
    { "write/destination", { OP(WRITE), .dst = -8ull, .length = 9 } },
    { "atomic/kind", { OP(ATOMIC), .dst = DST, .length = 8, .aux = 3 } },
    { "atomic/length", { OP(ATOMIC), .dst = DST, .length = 2 } },
    { "atomic/alignment", { OP(ATOMIC), .dst = DST + 4, .length = 8 } },
    { "touch/stride", { OP(TOUCH), .dst = DST, .length = 8 } },
    { "touch/aux", { OP(TOUCH), .dst = DST, .length = 8, .imm2 = 1,
                     .aux = 3 } },
    { "touch/wraps", { OP(TOUCH), .dst = -8ull, .length = 9, .imm2 = 1 } },
    { "xlate/aux", { OP(XLATE), .src = SRC, .aux = 8 } },
    { "prefetch/aux", { OP(PREFETCH), .src = SRC, .length = 1, .aux = 8 } },
    { "prefetch/wraps", { OP(PREFETCH), .src = -8ull, .length = 9 } },
    { "dump/memory", { OP(ATC_DUMP), .dst = 1, .length = SVATEST_MEM_SIZE } },
    { "request/length", { OP(PAGEREQ), .length = SVATEST_PR_MAX + 1 } },
    { "request/aux", { OP(PAGEREQ), .aux = 1 << 24 } },
    { "request/aux-low", { OP(PAGEREQ), .aux = 1 << 9 } },
    { "request/wait", { OP(PAGEREQ), .aux = SVATEST_PR_WAIT |
                                            SVATEST_PR_READ } },
    { "request/plain", { OP(PAGEREQ), .aux = SVATEST_PR_READ }, true },
    { "stop-marker/plain", { OP(STOPMARK) }, true },
    { "delay", { OP(DELAY), .imm = SVATEST_DELAY_MAX + 1 } },
    { "interrupt", { OP(IRQ), .imm = 5 } },
};

static void bad_case(const void *opaque)
{
    const Bad *b = opaque;
    Env e = { };
    SvaResult r;

    env_start(&e);
    if (b->plain) {
        sva_dev_channel(&e.v.d, 0, SVATEST_C_FLAGS, 0);
        sva_dev_channel(&e.v.d, 0, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    }
    r = sva_run(&e.v.d, &b->d);
    g_assert_cmphex(r.status, ==, b->fine ? SVATEST_ST_OK :
                    SVATEST_ST_BAD_DESC);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_ERROR), ==,
                    b->fine ? 0 : SVATEST_ERR_DESC);
    g_assert_cmpuint(sva_env_count(&e.v, SVATEST_CNT_COMMANDS), ==, 1);
    sva_dev_writel(&e.v.d, SVATEST_R_ERROR, SVATEST_ERR_DESC);
    g_assert_cmphex(sva_dev_readl(&e.v.d, SVATEST_R_ERROR), ==, 0);
    sva_quit(e.v.s);
}

/* CP_PRIV and CP_EXEC allow the flags on a channel that is not trusted. */
static void test_channel_rights(void)
{
    Env e = { };
    SvaResult r;

    env_start(&e);
    sva_dev_channel(&e.v.d, 0, SVATEST_C_FLAGS, 0);
    sva_dev_channel(&e.v.d, 0, SVATEST_C_PASID, SVATEST_CP_VALID |
                    SVATEST_CP_PRIV | SVATEST_CP_EXEC | PASID);
    sva_dev_channel(&e.v.d, 0, SVATEST_C_FLAGS, SVATEST_CF_ENABLE);
    r = sva_run(&e.v.d, &(struct svatest_desc) {
        .op_flags = SVATEST_F_PRIV | SVATEST_F_EXEC,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    r = sva_run(&e.v.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_READ, .src = IOVA, .length = 8,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(qtest_readq(e.v.s->qts, e.v.d.bar[SVATEST_BAR_MEM]), ==,
                    ENV_OLD);
    /* SRE is off in the PASID entry. */
    r = sva_run(&e.v.d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_READ | SVATEST_F_PRIV, .src = IOVA,
        .length = 8,
    });
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    vtd_expect_fault(e.v.s, &(SvaFault) {
        .reason = 0x5d, .sid = SID0, .pasid = PASID, .addr = IOVA, .t1 = true,
        .priv = true,
    });
    sva_quit(e.v.s);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        unsigned op;
    } data_ops[] = {
        { "copy", SVATEST_OP_COPY }, { "fill", SVATEST_OP_FILL },
        { "read", SVATEST_OP_READ }, { "write", SVATEST_OP_WRITE },
        { "compare", SVATEST_OP_COMPARE }, { "crc", SVATEST_OP_CRC },
        { "touch", SVATEST_OP_TOUCH }, { "atomic", SVATEST_OP_ATOMIC },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) qtest_add_func("/svatest/command/" name, fn)
    qtest_add_data_func("/svatest/command/copy/cached", GUINT_TO_POINTER(0),
                        test_copy);
    qtest_add_data_func("/svatest/command/copy/untranslated",
                        GUINT_TO_POINTER(SVATEST_F_UNTRANSLATED), test_copy);
    ADD("copy/partial", test_copy_partial);
    ADD("copy/registers", test_copy_registers);
    ADD("fill", test_fill);
    ADD("compare", test_compare);
    ADD("crc", test_crc);
    ADD("device-memory", test_device_memory);
    ADD("atomic/device", test_atomic_device);
    ADD("bus-error/sides", test_bus_error_sides);
    ADD("touch", test_touch);
    ADD("prefetch", test_prefetch);
    ADD("delay", test_delay);
    ADD("channel-rights", test_channel_rights);
    SVA_ADD_TABLE("command/atomic", atomics, atomic_case);
    SVA_ADD_TABLE("command/bad", bads, bad_case);
    for (i = 0; i < ARRAY_SIZE(data_ops); i++) {
        g_autofree char *bus = g_strdup_printf(
            "/svatest/command/bus-error/%s", data_ops[i].name);
        g_autofree char *right = g_strdup_printf(
            "/svatest/command/no-right/%s", data_ops[i].name);

        qtest_add_data_func(bus, GUINT_TO_POINTER(data_ops[i].op),
                            bus_error_case);
        qtest_add_data_func(right, GUINT_TO_POINTER(data_ops[i].op),
                            no_right_case);
    }
    return g_test_run();
}
