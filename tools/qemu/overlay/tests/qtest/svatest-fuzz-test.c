/*
 * Garbage in registers, queues, tables and commands: QEMU goes on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The seeds and counts are fixed. What counts is that the emulator neither ends
 * nor hangs; run it with the sanitizers to see more.
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define ROUNDS  1500
#define PASID   0x3ffu
#define IOVA    0x3456789000ull

typedef struct Fuzz {
    Sva *s;
    SvaDev d;
    GRand *rand;
    SvaTable fs, ss;
    SvaEntry entry;
} Fuzz;

static uint64_t any(Fuzz *f)
{
    return (uint64_t)g_rand_int(f->rand) << 32 | g_rand_int(f->rand);
}

static unsigned below(Fuzz *f, unsigned n)
{
    return g_rand_int_range(f->rand, 0, n);
}

static uint64_t few_bits(Fuzz *f)
{
    return sva_garbage(f->s, f->rand);
}

/* Every second seed with all caches on, and so small that they are full */
static void fuzz_start(Fuzz *f, unsigned seed)
{
    f->s = sva_start(seed % 2 ? SVA_MACHINE :
                     SVA_UNIT ",x-walk-cache=on,x-cache-size=5,x-fs5lp=on,"
                     "x-check-stale=on -device svatest,addr=4 "
                     "-device svatest,addr=5");
    f->rand = g_rand_new_with_seed(seed);
    sva_dev_init(&f->d, f->s, SID0);
    sva_dev_pasid(&f->d, true);
    sva_dev_ats(&f->d, true);
    sva_dev_pri(&f->d, true);
    vtd_table(&f->ss, f->s, true, 4, NULL);
    vtd_table(&f->fs, f->s, false, 4, &f->ss);
    vtd_map(&f->ss, GPA(0), 0, SS_ALL, 3);
    vtd_map(&f->ss, IOVA, sva_page(f->s), SS_ALL, 1);
    vtd_map(&f->fs, IOVA, GPA(sva_page(f->s)), FS_ALL, 1);
    f->entry = vtd_entry_nested(&f->fs, 1);
    vtd_context(f->s, SID0, CTX_ALL);
    vtd_bind(f->s, SID0, PASID, &f->entry);
    vtd_pq_init(f->s, 0);
    vtd_enable(f->s);
}

static void fuzz_end(Fuzz *f)
{
    /* It still answers. */
    g_assert_cmphex(vtd_readl(f->s, 0) >> 8, ==, 0);
    qtest_system_reset(f->s->qts);
    g_assert_cmphex(vtd_readl(f->s, VTD_GSTS), ==, 0);
    g_rand_free(f->rand);
    sva_quit(f->s);
}

static void command(Fuzz *f)
{
    static const uint8_t ops[] = {
        SVATEST_OP_COPY, SVATEST_OP_READ, SVATEST_OP_WRITE, SVATEST_OP_ATOMIC,
        SVATEST_OP_TOUCH, SVATEST_OP_XLATE, SVATEST_OP_PREFETCH,
        SVATEST_OP_PAGEREQ, SVATEST_OP_STOPMARK,
    };
    struct svatest_desc desc = {
        .op_flags = ops[below(f, ARRAY_SIZE(ops))] |
                    (any(f) & any(f) & SVATEST_F_MASK),
        .pasid = below(f, 4) ? sva_desc_pasid(PASID) : any(f),
        .src = below(f, 2) ? IOVA : few_bits(f),
        .dst = below(f, 2) ? IOVA : few_bits(f),
        .length = below(f, 64),
        .aux = few_bits(f),
    };

    sva_issue(&f->d, &desc);
}

static void test_registers(const void *opaque)
{
    Fuzz f = { };
    int i;

    fuzz_start(&f, GPOINTER_TO_UINT(opaque));
    for (i = 0; i < ROUNDS; i++) {
        unsigned reg = below(&f, 4) ? below(&f, 0x100) & ~3 :
                       below(&f, 0x1000) & ~3;

        if (below(&f, 2)) {
            vtd_writel(f.s, reg, few_bits(&f));
        } else {
            vtd_writeq(f.s, reg & ~7, few_bits(&f));
        }
        if (!below(&f, 8)) {
            command(&f);
        }
    }
    fuzz_end(&f);
}

static void test_queue(const void *opaque)
{
    Fuzz f = { };
    int i, j;

    fuzz_start(&f, GPOINTER_TO_UINT(opaque));
    for (i = 0; i < ROUNDS / 4; i++) {
        uint64_t d[4] = { };

        for (j = 0; j < 4; j++) {
            d[j] = j < 2 || !below(&f, 8) ? few_bits(&f) : 0;
        }
        d[0] = (d[0] & ~0xe0full) | below(&f, 11);
        vtd_iq4(f.s, d[0], d[1], d[2], d[3]);
        if (!below(&f, 8)) {
            command(&f);
        }
        if (vtd_readl(f.s, VTD_FSTS) & (FSTS_IQE | FSTS_ITE | FSTS_ICE)) {
            vtd_gcmd(f.s, GSTS_QIES, false);
            vtd_writel(f.s, VTD_FSTS, UINT32_MAX);
            vtd_iq_init(f.s, true);
        }
    }
    fuzz_end(&f);
}

/* Legacy mode knows no PASID cache. */
static void flush_legacy(Sva *s)
{
    vtd_iq(s, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
    vtd_iq(s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    g_assert_true(vtd_wait(s));
}

/* One of the entries at @at is garbage while a command runs. */
static void break_entries(Fuzz *f, const uint64_t *at, unsigned n,
                          void (*flush)(Sva *s))
{
    int i;

    for (i = 0; i < ROUNDS / 8; i++) {
        unsigned which = below(f, n);
        uint64_t old = sva_read64(f->s, at[which]);

        sva_write64(f->s, at[which],
                    below(f, 4) ? old ^ few_bits(f) : few_bits(f));
        flush(f->s);
        command(f);
        sva_write64(f->s, at[which], old);
        if (!below(f, 4)) {
            vtd_writel(f->s, VTD_FSTS, UINT32_MAX);
            vtd_writel(f->s, VTD_PRS, UINT32_MAX);
        }
    }
}

static void test_tables(const void *opaque)
{
    Fuzz f = { };
    uint64_t at[16];
    int i;

    fuzz_start(&f, GPOINTER_TO_UINT(opaque));
    at[0] = vtd_root_at(f.s, SID0);
    at[1] = vtd_context_at(f.s, SID0);
    at[2] = at[1] + 8;
    at[3] = vtd_dir_at(f.s, SID0, PASID);
    at[4] = vtd_entry_at(f.s, SID0, PASID);
    at[5] = at[4] + 8;
    at[6] = at[4] + 16;
    for (i = 0; i < 4; i++) {
        at[7 + i] = vtd_slot(&f.fs, IOVA, i + 1);
    }
    at[11] = vtd_slot(&f.ss, GPA(0), 3);
    at[12] = vtd_slot(&f.ss, GPA(0), 4);
    at[13] = at[0] + 8;
    at[14] = at[1] + 16;
    at[15] = at[4] + 24;
    break_entries(&f, at, ARRAY_SIZE(at), vtd_flush_all);
    fuzz_end(&f);
}

static void test_legacy(const void *opaque)
{
    Fuzz f = { };
    uint64_t at[8];
    int i;

    fuzz_start(&f, GPOINTER_TO_UINT(opaque));
    f.s->root = sva_page(f.s);
    at[0] = f.s->root;
    at[1] = at[0] + 8;
    sva_write64(f.s, at[0], sva_page(f.s) | 1);
    at[2] = (sva_read64(f.s, at[0]) & ADDR_MASK) + SID0 * 16;
    at[3] = at[2] + 8;
    sva_write64(f.s, at[2], f.ss.root | 1 << 2 | 1);
    sva_write64(f.s, at[3], 1 << 8 | 2);
    for (i = 0; i < 4; i++) {
        at[4 + i] = vtd_slot(&f.ss, IOVA, i + 1);
    }
    vtd_set_root(f.s, TTM_LEGACY);
    g_assert_true(sva_access(&f.d, NO_PASID, IOVA, A_READ));
    break_entries(&f, at, ARRAY_SIZE(at), flush_legacy);
    fuzz_end(&f);
}

static void test_device(const void *opaque)
{
    Fuzz f = { };
    int i;

    fuzz_start(&f, GPOINTER_TO_UINT(opaque));
    for (i = 0; i < ROUNDS; i++) {
        unsigned page = below(&f, 10);
        unsigned reg = below(&f, 0x400) & ~3;

        reg += page == 9 ? SVATEST_R_DOORBELL(0) :
               page == 8 ? SVATEST_R_KNOBS : page < 4 ? 0x1000 * page : 0x8000;
        sva_dev_writel(&f.d, reg, few_bits(&f));
        if (!below(&f, 8)) {
            command(&f);
        }
        if (!below(&f, 32)) {
            qtest_clock_step(f.s->qts, 1000 * 1000);
        }
    }
    fuzz_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    sva_add_seeds("fuzz/registers", test_registers);
    sva_add_seeds("fuzz/queue", test_queue);
    sva_add_seeds("fuzz/tables", test_tables);
    sva_add_seeds("fuzz/legacy", test_legacy);
    sva_add_seeds("fuzz/device", test_device);
    return g_test_run();
}
