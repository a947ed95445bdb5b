/*
 * One page mapped in any of the modes, and one access to it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-walk.h"

static uint64_t page_size(int level)
{
    return 1ull << (12 + 9 * ((level ?: 1) - 1));
}

/* Memory that a page of @size can name; the tail of it holds the data */
static uint64_t data_page(Sva *s, uint64_t size)
{
    if (size > MiB2) {
        return 0;       /* one giant page over all memory */
    }
    return sva_pages(s, size, size);
}

void walk_setup(Walk *w)
{
    uint64_t fsz = page_size(w->fs_page), ssz = page_size(w->ss_page);
    uint64_t size = w->mode == FIRST ? fsz :
                    w->mode == SECOND ? ssz : MAX(fsz, ssz);
    uint64_t base = data_page(w->s, size);
    uint64_t in;
    Sva *s = w->s;

    w->iova = w->iova ?: WALK_IOVA;
    /* With a giant page the offset must name memory that is ours. */
    w->data = size > MiB2 ? sva_page(s) :
              base + ((w->iova & (size - 1)) & ~0xfffull);
    if (size > MiB2) {
        w->iova = (w->iova & ~(size - 1)) | w->data;
    }
    in = w->iova & ~(fsz - 1);

    if (w->mode != FIRST && w->mode != PASS) {
        vtd_table(&w->ss, s, true, w->ss_levels ?: 4, NULL);
    }
    switch (w->mode) {
    case FIRST:
        vtd_table(&w->fs, s, false, 4, NULL);
        w->fs_leaf = vtd_map(&w->fs, in, w->data & ~(fsz - 1),
                             FS_ALL, w->fs_page ?: 1);
        w->entry = vtd_entry_first(&w->fs, WALK_DID);
        break;
    case SECOND:
        w->gpa = w->iova;
        w->ss_leaf = vtd_map(&w->ss, w->gpa & ~(ssz - 1),
                             w->data & ~(ssz - 1), SS_ALL, w->ss_page ?: 1);
        w->entry = vtd_entry_second(&w->ss, WALK_DID);
        break;
    case NESTED:
        vtd_table(&w->fs, s, false, 4, &w->ss);
        w->gpa = 0x2000000000ull + w->data;
        w->fs_leaf = vtd_map(&w->fs, in, w->gpa & ~(fsz - 1), FS_ALL,
                             w->fs_page ?: 1);
        w->ss_leaf = vtd_map(&w->ss, w->gpa & ~(ssz - 1),
                             w->data & ~(ssz - 1), SS_ALL, w->ss_page ?: 1);
        w->entry = vtd_entry_nested(&w->fs, WALK_DID);
        break;
    case PASS:
        w->iova = w->data;
        w->entry = vtd_entry_pt(WALK_DID);
        break;
    }
    if (w->fs_set | w->fs_clear) {
        uint64_t at = w->fs_at ? vtd_slot(&w->fs, in, w->fs_at) : w->fs_leaf;

        sva_set_bits(s, at, w->fs_set);
        sva_clear_bits(s, at, w->fs_clear);
    }
    if (w->ss_set | w->ss_clear) {
        uint64_t at = w->ss_at ? vtd_slot(&w->ss, w->gpa, w->ss_at) :
                      w->ss_leaf;

        sva_set_bits(s, at, w->ss_set);
        sva_clear_bits(s, at, w->ss_clear);
    }
    w->entry.q[0] |= w->q0;
    w->entry.q[2] |= w->q2;
    sva_write64(s, w->data, WALK_MAGIC);
}

void walk_begin(Walk *w)
{
    w->s = sva_start(w->machine ?: SVA_MACHINE);
    sva_dev_init(&w->d, w->s, SID0);
    sva_dev_pasid(&w->d, true);
    walk_setup(w);
}

void walk_go(Walk *w)
{
    vtd_context(w->s, SID0, CTX_ALL);
    vtd_bind(w->s, SID0, w->rid ? 0 : WALK_PASID, &w->entry);
    vtd_enable(w->s);
}

void walk_check(Walk *w)
{
    uint32_t pasid = w->rid ? NO_PASID : WALK_PASID;
    bool ok = sva_access(&w->d, pasid, w->iova, w->how);

    if (!w->fault) {
        vtd_expect_no_fault(w->s);
        g_assert_true(ok);
        if (w->how & (A_WRITE | A_ATOMIC)) {
            g_assert_cmphex(sva_read64(w->s, w->data), !=, WALK_MAGIC);
        } else {
            g_assert_cmphex(sva_peek(&w->d, pasid, w->iova, w->how), ==,
                            WALK_MAGIC);
        }
        return;
    }
    g_assert_false(ok);
    g_assert_cmphex(sva_read64(w->s, w->data), ==, WALK_MAGIC);
    vtd_expect_fault(w->s, &(SvaFault) {
        .reason = w->fault,
        .sid = SID0,
        .pasid = pasid,
        .addr = w->iova,
        .t1 = !(w->how & A_WRITE),
        .t2 = !!(w->how & A_ATOMIC),
        .exe = !!(w->how & A_EXEC),
        .priv = !!(w->how & A_PRIV),
    });
}
