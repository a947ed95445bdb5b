/*
 * Garbage from the guest of a unit that stands above devices of the host: QEMU
 * goes on, and gives the host back what it had of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The seeds and counts are fixed; when calls of the host return is not, and
 * no verdict depends on it.
 */

#include "qemu/osdep.h"
#include "svatest-host.h"

#define ROUNDS  200

typedef struct Fuzz {
    Host h;
    GRand *rand;
} Fuzz;

static unsigned below(Fuzz *f, unsigned n)
{
    return g_rand_int_range(f->rand, 0, n);
}

static uint64_t garbage(Fuzz *f)
{
    return sva_garbage(f->h.s, f->rand);
}

static void fuzz_start(Fuzz *f, unsigned seed)
{
    host_start(&f->h, HOST_UNIT, seed % 2 ? HOST_DEV : HOST_RID);
    f->rand = g_rand_new_with_seed(seed);
    host_enable(&f->h);
    host_entry(&f->h, HPASID, HDID);
    host_pasid_flush(&f->h, HPASID, HDID);
    host_forget(&f->h);
}

/* Nothing stays bound, and no call was made under the BQL. */
static void fuzz_end(Fuzz *f)
{
    host_set(&f->h, H_HOLD, 0);
    qtest_system_reset(f->h.s->qts);
    host_restart(&f->h);
    g_assert_cmphex(vtd_readl(f->h.s, VTD_GSTS), ==, 0);
    host_idle(&f->h);
    g_assert_cmpuint(host_get(&f->h, H_BOUND), ==, 0);
    host_forget(&f->h);

    host_enable(&f->h);
    host_entry(&f->h, HPASID, HDID);
    host_pasid_flush(&f->h, HPASID, HDID);
    g_assert_cmpuint(host_get(&f->h, H_BOUND), ==, 1);
    g_rand_free(f->rand);
    host_quit(&f->h);
}

/* What comes up from the host's device at any time */
static void record(Fuzz *f)
{
    host_send(&f->h, below(f, H_GONE), below(f, 2) ? HPASID : garbage(f),
              garbage(f), garbage(f), garbage(f), garbage(f));
}

/* A queue that has stopped at garbage goes on, and tables are right again. */
static void repair(Fuzz *f)
{
    vtd_gcmd(f->h.s, GSTS_QIES, false);
    vtd_writel(f->h.s, VTD_FSTS, UINT32_MAX);
    vtd_writel(f->h.s, VTD_PRS, UINT32_MAX);
    vtd_iq_init(f->h.s, true);
}

static void test_registers(const void *opaque)
{
    Fuzz f = { };
    int i;

    fuzz_start(&f, GPOINTER_TO_UINT(opaque));
    for (i = 0; i < ROUNDS * 4; i++) {
        unsigned reg = below(&f, 0x100) & ~7;

        if (below(&f, 2)) {
            vtd_writel(f.h.s, reg + below(&f, 2) * 4, garbage(&f));
        } else {
            vtd_writeq(f.h.s, reg, garbage(&f));
        }
        if (!below(&f, 8)) {
            record(&f);
        }
    }
    fuzz_end(&f);
}

static void test_queue(const void *opaque)
{
    Fuzz f = { };
    int i, j;

    fuzz_start(&f, GPOINTER_TO_UINT(opaque));
    for (i = 0; i < ROUNDS; i++) {
        uint64_t d[4] = { };

        for (j = 0; j < 2; j++) {
            d[j] = garbage(&f);
        }
        d[0] = (d[0] & ~0xe0full) | below(&f, 11);
        vtd_iq4(f.h.s, d[0], d[1], d[2], d[3]);
        if (!below(&f, 8)) {
            record(&f);
        }
        if (!below(&f, 16)) {
            host_set(&f.h, H_HOLD, below(&f, 2));
        }
        if (vtd_readl(f.h.s, VTD_FSTS) & (FSTS_IQE | FSTS_ITE | FSTS_ICE)) {
            repair(&f);
        }
    }
    fuzz_end(&f);
}

static void test_tables(const void *opaque)
{
    Fuzz f = { };
    uint64_t at[9];
    int i;

    fuzz_start(&f, GPOINTER_TO_UINT(opaque));
    at[0] = vtd_root_at(f.h.s, SID0);
    at[1] = vtd_context_at(f.h.s, SID0);
    at[2] = at[1] + 8;
    at[3] = vtd_dir_at(f.h.s, SID0, HPASID);
    at[4] = vtd_entry_at(f.h.s, SID0, HPASID);
    at[5] = at[4] + 8;
    at[6] = at[4] + 16;
    at[7] = vtd_dir_at(f.h.s, SID0, 0);
    at[8] = vtd_entry_at(f.h.s, SID0, 0);
    for (i = 0; i < ROUNDS; i++) {
        unsigned which = below(&f, ARRAY_SIZE(at));
        uint64_t old = sva_read64(f.h.s, at[which]);

        sva_write64(f.h.s, at[which],
                    below(&f, 4) ? old ^ garbage(&f) : garbage(&f));
        vtd_iq(f.h.s, vtd_ctx_q0(CTX_GLOBAL, 0, 0, 0), 0);
        host_flush(&f.h, vtd_pc_q0(PC_GLOBAL, 0, 0), 0);
        record(&f);
        sva_write64(f.h.s, at[which], old);
    }
    fuzz_end(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    sva_add_seeds("host/fuzz/registers", test_registers);
    sva_add_seeds("host/fuzz/queue", test_queue);
    sva_add_seeds("host/fuzz/tables", test_tables);
    return g_test_run();
}
