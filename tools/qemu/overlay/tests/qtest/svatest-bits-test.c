/*
 * The walk: accessed and dirty bits, five levels, pages of different sizes,
 * modes side by side
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-walk.h"

#define PASID   WALK_PASID
#define DID     WALK_DID
#define IOVA    WALK_IOVA
#define MAGIC   WALK_MAGIC

/* Accessed and dirty bits: what the entries hold after one access */
typedef struct Bits {
    const char *name;
    Walk w;
    uint64_t fs_leaf, fs_upper;     /* expected A/D of the first stage */
    uint64_t ss_leaf, ss_upper;     /* ... of the page in the second */
    uint64_t ss_table;              /* ... of a first-stage table in it */
} Bits;

/*
 * 3.6.2: A is set in every entry used for a translation, D in the last one on
 * a write. What a walk that ends in a fault has "used" is left open: it may
 * have set A on its way. It may not have set D, as nothing was written.
 */
static uint64_t fs_bits(const Bits *b)
{
    return b->w.fault ? FS_D : FS_A | FS_D;
}

static void bits_case(const void *opaque)
{
    const Bits *b = opaque;
    Walk w = b->w;
    int level;

    walk_begin(&w);
    walk_go(&w);
    g_assert_cmpuint(sva_access(&w.d, PASID, w.iova, w.how), ==, !w.fault);

    if (w.mode != SECOND) {
        for (level = w.fs_page ?: 1; level <= 4; level++) {
            uint64_t e = sva_read64(w.s, vtd_slot(&w.fs, w.iova, level));

            g_assert_cmphex(e & fs_bits(b), ==,
                            level == (w.fs_page ?: 1) ? b->fs_leaf :
                            b->fs_upper);
        }
    }
    if (w.mode != FIRST) {
        for (level = w.ss_page ?: 1; level <= 4; level++) {
            uint64_t e = sva_read64(w.s, vtd_slot(&w.ss, w.gpa, level));

            g_assert_cmphex(e & (SS_A | SS_D), ==,
                            level == (w.ss_page ?: 1) ? b->ss_leaf :
                            b->ss_upper);
        }
    }
    if (w.mode == NESTED) {
        uint64_t e = sva_read64(w.s, vtd_slot(&w.ss, GPA(w.fs.root), 1));

        g_assert_cmphex(e & (SS_A | SS_D), ==, b->ss_table);
    }
    sva_quit(w.s);
}

static const Bits bits[] = {
    { "first/read", { "", FIRST, A_READ }, FS_A, FS_A },
    { "first/write", { "", FIRST, A_WRITE }, FS_A | FS_D, FS_A },
    { "first/atomic", { "", FIRST, A_ATOMIC }, FS_A | FS_D, FS_A },
    { "first/2m/read", { "", FIRST, A_READ, .fs_page = 2 }, FS_A, FS_A },
    { "first/2m/write", { "", FIRST, A_WRITE, .fs_page = 2 },
      FS_A | FS_D, FS_A },
    { "first/1g/write", { "", FIRST, A_WRITE, .fs_page = 3 },
      FS_A | FS_D, FS_A },
    { "first/refused-write-is-not-dirty",
      { "", FIRST, A_WRITE, 0x85, .fs_clear = FS_RW } },
    { "second/off/write", { "", SECOND, A_WRITE } },
    { "second/read", { "", SECOND, A_READ, .q0 = PE_SSADE },
      .ss_leaf = SS_A, .ss_upper = SS_A },
    { "second/write", { "", SECOND, A_WRITE, .q0 = PE_SSADE },
      .ss_leaf = SS_A | SS_D, .ss_upper = SS_A },
    { "second/2m/write", { "", SECOND, A_WRITE, .q0 = PE_SSADE, .ss_page = 2 },
      .ss_leaf = SS_A | SS_D, .ss_upper = SS_A },
    { "nested/off/read", { "", NESTED, A_READ }, FS_A, FS_A },
    { "nested/off/write", { "", NESTED, A_WRITE }, FS_A | FS_D, FS_A },
    { "nested/read", { "", NESTED, A_READ, .q0 = PE_SSADE },
      FS_A, FS_A, SS_A, SS_A, SS_A | SS_D },
    { "nested/write", { "", NESTED, A_WRITE, .q0 = PE_SSADE },
      FS_A | FS_D, FS_A, SS_A | SS_D, SS_A, SS_A | SS_D },
};

/* A cached clean page is walked again on the first write. */
static void test_dirty_after_clean(const void *opaque)
{
    Walk w = { .mode = GPOINTER_TO_INT(opaque), .q0 = PE_SSADE };
    uint64_t leaf, dirty;

    if (w.mode == FIRST) {
        w.q0 = 0;
    }
    walk_begin(&w);
    walk_go(&w);
    leaf = w.mode == SECOND ? w.ss_leaf : w.fs_leaf;
    dirty = w.mode == SECOND ? SS_D : FS_D;
    g_assert_true(sva_access(&w.d, PASID, w.iova, A_READ));
    g_assert_cmphex(sva_read64(w.s, leaf) & dirty, ==, 0);
    g_assert_true(sva_access(&w.d, PASID, w.iova, A_WRITE));
    g_assert_cmphex(sva_read64(w.s, leaf) & dirty, ==, dirty);
    if (w.mode == NESTED) {
        g_assert_cmphex(sva_read64(w.s, w.ss_leaf) & SS_D, ==, SS_D);
    }
    sva_quit(w.s);
}

/* One first-stage 2 MiB page over two 4 KiB pages far from each other */
static void test_nested_splinter(void)
{
    Walk w = { .mode = NESTED, .fs_page = 2, .iova = IOVA & ~(MiB2 - 1) };
    uint64_t other;

    walk_begin(&w);
    other = sva_page(w.s);
    sva_write64(w.s, other, ~MAGIC);
    vtd_map(&w.ss, w.gpa + KiB4, other, SS_ALL, 1);
    walk_go(&w);
    g_assert_cmphex(sva_peek(&w.d, PASID, w.iova, 0), ==, MAGIC);
    g_assert_cmphex(sva_peek(&w.d, PASID, w.iova + KiB4, 0), ==, ~MAGIC);
    sva_quit(w.s);
}

/* The mode is a property of the PASID entry, not of the unit. */
static void test_modes_side_by_side(void)
{
    static const Mode modes[] = { FIRST, SECOND, NESTED, PASS };
    Sva *s = sva_start(SVA_MACHINE);
    Walk w[4] = { };
    int i;

    vtd_context(s, SID0, CTX_ALL);
    for (i = 0; i < 4; i++) {
        w[i].mode = modes[i];
        w[i].s = s;
        walk_setup(&w[i]);
        w[i].entry.q[1] += i;
        sva_write64(s, w[i].data, MAGIC + i);
        vtd_bind(s, SID0, 0x10000 * i + i + 1, &w[i].entry);
    }
    sva_dev_init(&w[0].d, s, SID0);
    sva_dev_pasid(&w[0].d, true);
    vtd_enable(s);
    for (i = 0; i < 4; i++) {
        g_assert_cmphex(sva_peek(&w[0].d, 0x10000 * i + i + 1, w[i].iova, 0),
                        ==, MAGIC + i);
    }
    sva_quit(s);
}

/* The pass-through entry still ends at the width of the host. */
static void test_pass_limit(void)
{
    Walk w = { .mode = PASS };

    walk_begin(&w);
    walk_go(&w);
    g_assert_false(sva_access(&w.d, PASID, w.data | 1ull << 48, A_READ));
    vtd_expect_fault(w.s, &(SvaFault) {
        .reason = 0x83, .sid = SID0, .pasid = PASID,
        .addr = w.data | 1ull << 48, .t1 = true,
    });
    sva_quit(w.s);
}

/*
 * A large page around the interrupt range: all but that can be reached, but no
 * translation is given that would overlap it (SGN.8.2).
 */
static void test_interrupt_in_page(void)
{
    uint64_t iova = 0x4000000000ull;
    Walk w = { .mode = FIRST };
    SvaResult r;

    walk_begin(&w);
    sva_dev_ats(&w.d, true);
    vtd_map(&w.fs, iova, 3 * GiB1, FS_ALL, 3);
    walk_go(&w);
    r = sva_xlate(&w.d, PASID, iova + SVA_ROM - 3 * GiB1, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, SVATEST_REASON_CA);
    vtd_expect_fault(w.s, &(SvaFault) {
        .reason = 0x87, .sid = SID0, .pasid = PASID, .at = 1, .t1 = true,
        .addr = iova + SVA_ROM - 3 * GiB1,
    });
    g_assert_cmphex(sva_peek(&w.d, PASID, iova + SVA_ROM - 3 * GiB1, 0), ==,
                    sva_read64(w.s, SVA_ROM));
    g_assert_false(sva_access(&w.d, PASID, iova + 0x3eeff000, A_READ));
    vtd_expect_fault(w.s, &(SvaFault) {
        .reason = 0x87, .sid = SID0, .pasid = PASID,
        .addr = iova + 0x3eeff000, .t1 = true,
    });
    sva_quit(w.s);
}

/* RID_PASID may be another number than 0. */
static void test_rid_pasid(void)
{
    Walk w = { .mode = FIRST, .rid = true };

    w.s = sva_start(SVA_MACHINE);
    sva_dev_init(&w.d, w.s, SID0);
    walk_setup(&w);
    vtd_context(w.s, SID0, CTX_ALL);
    sva_write64(w.s, vtd_context_at(w.s, SID0) + 8, 0x54321);
    vtd_bind(w.s, SID0, 0x54321, &w.entry);
    vtd_enable(w.s);
    walk_check(&w);
    sva_quit(w.s);
}

/* Five levels, if the unit has them: 57 bits, and canonical for those */
typedef struct Five {
    const char *name;
    bool nested;
    uint64_t iova;
    unsigned how;
    uint8_t fault;
} Five;

static const Five fives[] = {
    { "read", false, 0xab123456789000ull, A_READ },
    { "write", false, 0xab123456789000ull, A_WRITE },
    { "upper-half", false, 0xff55123456789000ull, A_READ },
    { "48-bit-not-canonical", false, 0x800000000000ull, A_READ },
    { "not-canonical", false, 0x0100000000000000ull, A_READ, 0x80 },
    { "not-canonical-high", false, 0xfe55123456789000ull, A_READ, 0x80 },
    { "nested/write", true, 0xab123456789000ull, A_WRITE },
    { "nested/not-canonical", true, 0x0100000000000000ull, A_READ, 0x80 },
};

static void five_case(const void *opaque)
{
    const Five *f = opaque;
    SvaTable ss;
    Walk w = { .how = f->how, .fault = f->fault, .iova = f->iova };
    uint64_t leaf;

    w.s = sva_start(SVA_UNIT ",x-fs5lp=on -device svatest,addr=4");
    sva_dev_init(&w.d, w.s, SID0);
    sva_dev_pasid(&w.d, true);
    w.data = sva_page(w.s);
    sva_write64(w.s, w.data, MAGIC);
    vtd_table(&ss, w.s, true, 4, NULL);
    vtd_table(&w.fs, w.s, false, 5, f->nested ? &ss : NULL);
    vtd_map(&ss, GPA(w.data), w.data, SS_ALL, 1);
    leaf = vtd_map(&w.fs, f->iova, f->nested ? GPA(w.data) : w.data, FS_ALL,
                   1);
    w.entry = f->nested ? vtd_entry_nested(&w.fs, DID) :
                          vtd_entry_first(&w.fs, DID);
    walk_go(&w);
    walk_check(&w);
    g_assert_cmphex(sva_read64(w.s, leaf) & (FS_A | FS_D), ==,
                    f->fault ? 0 : f->how & A_WRITE ? FS_A | FS_D : FS_A);
    sva_quit(w.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    SVA_ADD_TABLE("walk/five-levels", fives, five_case);
    SVA_ADD_TABLE("bits", bits, bits_case);
    qtest_add_data_func("/svatest/bits/dirty-after-clean/first",
                        GINT_TO_POINTER(FIRST), test_dirty_after_clean);
    qtest_add_data_func("/svatest/bits/dirty-after-clean/second",
                        GINT_TO_POINTER(SECOND), test_dirty_after_clean);
    qtest_add_data_func("/svatest/bits/dirty-after-clean/nested",
                        GINT_TO_POINTER(NESTED), test_dirty_after_clean);
    qtest_add_func("/svatest/walk/nested/splinter", test_nested_splinter);
    qtest_add_func("/svatest/walk/modes-side-by-side",
                   test_modes_side_by_side);
    qtest_add_func("/svatest/walk/pass/limit", test_pass_limit);
    qtest_add_func("/svatest/walk/interrupt-in-page", test_interrupt_in_page);
    qtest_add_func("/svatest/walk/rid-pasid", test_rid_pasid);
    return g_test_run();
}
