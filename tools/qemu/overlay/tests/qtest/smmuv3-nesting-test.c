/*
 * Both stages of an SMMUv3, by tables built by hand
 *
 * The device is edu, which writes zeros where it is told to. Sections are those
 * of the architecture, IHI 0070.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "smmuv3-drv.h"

#define OVERFLOW        BIT(31)     /* PROD.OVFLG and CONS.OVACKFLG */

/* edu, whose function is the stream */
#define SID             0x10
#define BAR             0x10000000ull

#define MARK            0x5a5a5a5a

/* What a guest has where: intermediate physical addresses, and one virtual */
#define IPA_CD          0x0000100000ull
#define IPA_TABLE       0x0000200000ull
#define IPA_DATA        0x0000300000ull
#define VA              0x0012345000ull

#define MEV             BIT_ULL(19)

/** Nested: a stream with both stages */
typedef struct Nested {
    Smmu smmu;
    uint64_t cd;
    uint64_t data;      /* the page at IPA_DATA */
} Nested;

/* Pages that are not neighbours */
static uint64_t lone_page(Smmu *m)
{
    smmu_page(m);
    return smmu_page(m);
}

static void set_ste(Nested *n, uint64_t flags)
{
    smmu_set_ste(&n->smmu, STE_BOTH, IPA_CD, flags);
}

static void set_cd(Nested *n, uint64_t tcr, uint64_t ttb)
{
    smmu_write_cd(&n->smmu, n->cd, tcr, ttb, 3);
    smmu_forget_ste(&n->smmu);
}

static void start(Nested *n, const char *options, unsigned eventq_bits)
{
    Smmu *m = &n->smmu;
    g_autofree char *all =
        g_strdup_printf("-device edu,addr=2,dma_mask=0xffffffffffffffff %s",
                        options);

    smmu_start(m, all, SID, eventq_bits);
    n->cd = smmu_page(m);
    n->data = smmu_page(m);
    smmu_s2_map(m, IPA_CD, n->cd);
    smmu_s2_map(m, IPA_DATA, n->data);
    set_ste(n, 0);
    qtest_writel(m->qts, smmu_config(m, 0x10), BAR);
    qtest_writew(m->qts, smmu_config(m, 0x04), 6);
}

/* One page at VA by three tables of stage 1, each a page from IPA_TABLE on. */
static void map_va(Nested *n, uint64_t table[3])
{
    Smmu *m = &n->smmu;

    for (int i = 0; i < 3; i++) {
        table[i] = lone_page(m);
        smmu_s2_map(m, IPA_TABLE + i * PAGE, table[i]);
    }
    qtest_writeq(m->qts, table[0] + extract64(VA, 30, 9) * 8,
                 smmu_s1_table(IPA_TABLE + PAGE));
    qtest_writeq(m->qts, table[1] + extract64(VA, 21, 9) * 8,
                 smmu_s1_table(IPA_TABLE + 2 * PAGE));
    qtest_writeq(m->qts, table[2] + extract64(VA, 12, 9) * 8,
                 smmu_s1_page(IPA_DATA));
    set_cd(n, 25, IPA_TABLE);
}

static void start_mapped(Nested *n, uint64_t table[3])
{
    start(n, "", 7);
    map_va(n, table);
}

/* The device writes zeros to @va, or reads from there. */
static void dma(Smmu *m, uint64_t va, unsigned size, bool write)
{
    qtest_writeq(m->qts, BAR + 0x80, write ? 0x40000 : va);
    qtest_writeq(m->qts, BAR + 0x88, write ? va : 0x40000);
    qtest_writeq(m->qts, BAR + 0x90, size);
    qtest_writeq(m->qts, BAR + 0x98, write ? 3 : 1);
    qtest_clock_step(m->qts, 200 * 1000 * 1000);
    g_assert_cmphex(qtest_readq(m->qts, BAR + 0x98) & 1, ==, 0);
}

/* Does a write to VA reach @addr? */
static bool reaches(Smmu *m, uint64_t addr)
{
    qtest_writel(m->qts, addr, MARK);
    dma(m, VA, 4, true);
    return qtest_readl(m->qts, addr) == 0;
}

/* The only record is of a translation fault of stage 2, met by a write. */
static void expect_s2_fault(Smmu *m, uint64_t va, unsigned class, uint64_t ipa)
{
    g_assert_cmpuint(smmu_events(m), ==, 1);
    g_assert_cmphex(smmu_event(m, 0) & 0xff, ==, F_TRANSLATION);
    g_assert_cmphex(smmu_event(m, 0) >> 32, ==, SID);
    g_assert_cmphex(extract64(smmu_event(m, 1), 35, 1), ==, 0);
    g_assert_cmphex(extract64(smmu_event(m, 1), 39, 1), ==, 1);
    g_assert_cmphex(extract64(smmu_event(m, 1), 40, 2), ==, class);
    g_assert_cmphex(smmu_event(m, 2), ==, va);
    g_assert_cmphex(smmu_event(m, 3), ==, ipa);
}

static void test_both_stages(void)
{
    uint64_t table[3];
    Nested n;
    Smmu *m = &n.smmu;

    start_mapped(&n, table);
    g_assert_true(reaches(m, n.data));
    g_assert_cmpuint(smmu_events(m), ==, 0);
    qtest_quit(m->qts);
}

/* Stage 2 gives the first table another page; only the TLB is invalidated. */
static void test_first_table_moves(void)
{
    uint64_t table[3], other, data;
    Nested n;
    Smmu *m = &n.smmu;

    start_mapped(&n, table);
    g_assert_true(reaches(m, n.data));

    data = smmu_page(m);
    other = smmu_page(m);
    smmu_s2_map(m, IPA_DATA + PAGE, data);
    for (int i = 0; i < 3; i++) {
        uint64_t next = smmu_page(m);

        smmu_s2_map(m, IPA_TABLE + (8 + i) * PAGE, next);
        if (i == 0) {
            qtest_writeq(m->qts, other + extract64(VA, 30, 9) * 8,
                         smmu_s1_table(IPA_TABLE + 8 * PAGE));
            qtest_writeq(m->qts, next + extract64(VA, 21, 9) * 8,
                         smmu_s1_table(IPA_TABLE + 9 * PAGE));
        } else if (i == 1) {
            qtest_writeq(m->qts, next + extract64(VA, 12, 9) * 8,
                         smmu_s1_page(IPA_DATA + PAGE));
        }
    }
    smmu_s2_map(m, IPA_TABLE, other);
    smmu_command(m, CMD_NSNH_ALL, 0);
    g_assert_true(reaches(m, data));

    smmu_s2_unmap(m, IPA_TABLE);
    smmu_command(m, CMD_NSNH_ALL, 0);
    g_assert_false(reaches(m, data));
    expect_s2_fault(m, VA, CLASS_TT, IPA_TABLE);
    qtest_quit(m->qts);
}

/* Tables of a 64 KiB granule, on pages of 4 KiB that are not neighbours. */
static void test_large_table(void)
{
    uint64_t ipa[2] = { 0x1000000, 0x1010000 }, pages[2][16];
    Nested n;
    Smmu *m = &n.smmu;

    start(&n, "", 7);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 16; j++) {
            pages[i][j] = lone_page(m);
            smmu_s2_map(m, ipa[i] + j * PAGE, pages[i][j]);
        }
    }
    /* 42 bits: level 2 has VA[41:29], level 3 VA[28:16]. */
    qtest_writeq(m->qts, pages[0][0] + (VA >> 29) * 8, smmu_s1_table(ipa[1]));
    qtest_writeq(m->qts, pages[1][extract64(VA, 16, 13) / 512] +
                 extract64(VA, 16, 9) * 8, smmu_s1_page(0x1020000));
    smmu_s2_map(m, 0x1020000 + (VA & 0xf000), n.data);
    set_cd(&n, 22 | (1 << 6), ipa[0]);
    g_assert_cmpuint(extract64(VA, 16, 13) / 512, >, 0);
    g_assert_true(reaches(m, n.data));
    qtest_quit(m->qts);
}

/* 7.3.13: stage and class of the fault, and the address of the descriptor. */
static void test_fault_of_table(const void *opaque)
{
    unsigned level = GPOINTER_TO_UINT(opaque);
    uint64_t table[3];
    Nested n;
    Smmu *m = &n.smmu;

    start_mapped(&n, table);
    smmu_s2_unmap(m, IPA_TABLE + level * PAGE);
    smmu_command(m, CMD_NSNH_ALL, 0);
    g_assert_false(reaches(m, n.data));
    expect_s2_fault(m, VA, CLASS_TT, IPA_TABLE + level * PAGE);
    qtest_quit(m->qts);
}

static void test_fault_of_cd(void)
{
    uint64_t table[3];
    Nested n;
    Smmu *m = &n.smmu;

    start_mapped(&n, table);
    smmu_s2_unmap(m, IPA_CD);
    set_ste(&n, 0);
    g_assert_false(reaches(m, n.data));
    expect_s2_fault(m, VA, CLASS_CD, IPA_CD);
    qtest_quit(m->qts);
}

/* The record has the page of the IPA, and all of the input address. */
static void test_fault_of_data(void)
{
    uint64_t table[3];
    Nested n;
    Smmu *m = &n.smmu;

    start_mapped(&n, table);
    smmu_s2_unmap(m, IPA_DATA);
    dma(m, VA + 0x124, 4, true);
    expect_s2_fault(m, VA + 0x124, CLASS_IN, IPA_DATA);
    qtest_quit(m->qts);
}

/* A first table that no walk reads may be anywhere. */
static void test_unused_table(void)
{
    uint64_t table[3];
    Nested n;
    Smmu *m = &n.smmu;

    start_mapped(&n, table);
    /* TTB1 is on: T1SZ 25, 4 KiB; it is not in stage 2. */
    qtest_writeq(m->qts, n.cd + 16, 0x7f000000);
    qtest_writeq(m->qts, n.cd, (qtest_readq(m->qts, n.cd) & ~BIT_ULL(30)) |
                 (25ull << 16) | (2ull << 22));
    set_ste(&n, 0);
    g_assert_true(reaches(m, n.data));
    g_assert_cmpuint(smmu_events(m), ==, 0);
    qtest_quit(m->qts);
}

static void test_merge(void)
{
    uint64_t table[3];
    Nested n;
    Smmu *m = &n.smmu;

    start_mapped(&n, table);
    set_ste(&n, MEV);
    dma(m, VA + PAGE, 4096, true);
    g_assert_cmpuint(smmu_events(m), ==, 1);
    /* Another page, another kind of access */
    dma(m, VA + 2 * PAGE, 64, true);
    g_assert_cmpuint(smmu_events(m), ==, 2);
    dma(m, VA + 2 * PAGE, 64, false);
    g_assert_cmpuint(smmu_events(m), ==, 3);
    /* What has been read stands for nothing that comes later. */
    smmu_drain(m);
    dma(m, VA + 2 * PAGE, 64, false);
    g_assert_cmpuint(smmu_events(m), ==, 1);

    smmu_drain(m);
    set_ste(&n, 0);
    dma(m, VA + PAGE, 64, true);
    g_assert_cmpuint(smmu_events(m), >, 1);
    qtest_quit(m->qts);
}

/* An entry that is not valid cannot say whether: such events may be merged. */
static void test_merge_without_ste(void)
{
    Nested n;
    Smmu *m = &n.smmu;

    start(&n, "", 7);
    qtest_writeq(m->qts, m->ste, 0);
    smmu_forget_ste(m);
    dma(m, VA, 64, true);
    g_assert_cmpuint(smmu_events(m), ==, 1);
    g_assert_cmphex(smmu_event(m, 0) & 0xff, ==, C_BAD_STE);
    qtest_quit(m->qts);
}

/* 7.4: the flag tells, once, until software has acknowledged it. */
static void test_overflow(void)
{
    uint64_t table[3];
    Nested n;
    Smmu *m = &n.smmu;

    start(&n, "-global arm-smmuv3.x-eventq-bits=2", 2);
    g_assert_cmpuint(extract32(smmu_reg(m, IDR1), 16, 5), ==, 2);
    map_va(&n, table);
    dma(m, VA + PAGE, 256, true);
    g_assert_cmpuint(smmu_events(m), ==, 4);
    g_assert_cmphex(smmu_reg(m, EVENTQ_PROD) & OVERFLOW, ==, OVERFLOW);
    dma(m, VA + PAGE, 256, true);
    g_assert_cmphex(smmu_reg(m, EVENTQ_PROD) & OVERFLOW, ==, OVERFLOW);
    g_assert_cmphex(smmu_reg(m, GERROR), ==, 0);

    /* The flag is kept while records come in, and toggled by the next loss. */
    smmu_drain(m);
    dma(m, VA + PAGE, 4, true);
    g_assert_cmpuint(smmu_events(m), ==, 1);
    g_assert_cmphex(smmu_reg(m, EVENTQ_PROD) & OVERFLOW, ==, OVERFLOW);
    dma(m, VA + PAGE, 256, true);
    g_assert_cmpuint(smmu_events(m), ==, 4);
    g_assert_cmphex(smmu_reg(m, EVENTQ_PROD) & OVERFLOW, ==, 0);
    qtest_quit(m->qts);
}

/* A queue is as long as software says, but not longer than the unit's. */
static void test_queue_size(void)
{
    Nested n;
    Smmu *m = &n.smmu;

    start(&n, "-global arm-smmuv3.x-eventq-bits=2", 2);
    smmu_set_reg(m, EVENTQ_BASE, m->eventq | 6);
    dma(m, VA, 4, true);
    for (int i = 1; i < 8; i++) {
        dma(m, VA + i * PAGE, 4, true);
        smmu_drain(m);
    }
    g_assert_cmphex(smmu_reg(m, EVENTQ_PROD) & ~7u, ==, 0);
    qtest_quit(m->qts);
}

static void test_s2fwb(void)
{
    Nested n;
    Smmu *m = &n.smmu;

    start(&n, "", 7);
    g_assert_cmphex(extract32(smmu_reg(m, IDR3), 8, 1), ==, 0);
    qtest_quit(m->qts);
    start(&n, "-global arm-smmuv3.x-s2fwb=on", 7);
    g_assert_cmphex(extract32(smmu_reg(m, IDR3), 8, 1), ==, 1);
    qtest_quit(m->qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/smmuv3/walk/both-stages", test_both_stages);
    qtest_add_func("/smmuv3/walk/first-table-moves", test_first_table_moves);
    qtest_add_func("/smmuv3/walk/large-table", test_large_table);
    qtest_add_func("/smmuv3/walk/unused-table", test_unused_table);
    qtest_add_data_func("/smmuv3/fault/table-1", GUINT_TO_POINTER(0),
                        test_fault_of_table);
    qtest_add_data_func("/smmuv3/fault/table-2", GUINT_TO_POINTER(1),
                        test_fault_of_table);
    qtest_add_data_func("/smmuv3/fault/table-3", GUINT_TO_POINTER(2),
                        test_fault_of_table);
    qtest_add_func("/smmuv3/fault/cd", test_fault_of_cd);
    qtest_add_func("/smmuv3/fault/data", test_fault_of_data);
    qtest_add_func("/smmuv3/event/merge", test_merge);
    qtest_add_func("/smmuv3/event/merge-without-ste", test_merge_without_ste);
    qtest_add_func("/smmuv3/event/overflow", test_overflow);
    qtest_add_func("/smmuv3/event/queue-size", test_queue_size);
    qtest_add_func("/smmuv3/id/s2fwb", test_s2fwb);
    return g_test_run();
}
