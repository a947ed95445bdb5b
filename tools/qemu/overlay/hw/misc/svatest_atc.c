/*
 * svatest: translation cache
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Holds what translation requests granted until an invalidation, the end of
 * ATS or a reset. Nothing is dropped below capacity, so that software which
 * forgets an invalidation sees the old page. Above it the oldest entry goes.
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "svatest_internal.h"

static guint svatest_atc_hash(gconstpointer key)
{
    const SVATestATCEntry *e = key;
    uint64_t h = (e->page ^ ((uint64_t)e->pasid << 40) ^ e->shift) *
                 0x9e3779b97f4a7c15ull;

    return h >> 32;
}

static gboolean svatest_atc_equal(gconstpointer a, gconstpointer b)
{
    const SVATestATCEntry *x = a, *y = b;

    return x->page == y->page && x->pasid == y->pasid && x->shift == y->shift;
}

void svatest_atc_init(SVATestState *s)
{
    s->atc.table = g_hash_table_new_full(svatest_atc_hash, svatest_atc_equal,
                                         NULL, g_free);
    QTAILQ_INIT(&s->atc.fifo);
}

void svatest_atc_free(SVATestState *s)
{
    if (s->atc.table) {
        svatest_atc_clear(s);
        g_hash_table_destroy(s->atc.table);
        s->atc.table = NULL;
    }
}

static void svatest_atc_remove(SVATestATC *atc, SVATestATCEntry *e)
{
    QTAILQ_REMOVE(&atc->fifo, e, next);
    atc->count--;
    if (--atc->per_shift[e->shift] == 0) {
        atc->shifts &= ~BIT_ULL(e->shift);
    }
    g_hash_table_remove(atc->table, e);
}

void svatest_atc_clear(SVATestState *s)
{
    SVATestATCEntry *e, *tmp;

    QTAILQ_FOREACH_SAFE(e, &s->atc.fifo, next, tmp) {
        svatest_atc_remove(&s->atc, e);
    }
}

SVATestATCEntry *svatest_atc_lookup(SVATestState *s, uint32_t pasid,
                                    uint64_t addr)
{
    uint64_t shifts = s->atc.shifts;

    while (shifts) {
        SVATestATCEntry key = { .pasid = pasid, .shift = ctz64(shifts) };
        SVATestATCEntry *e;

        key.page = addr >> key.shift;
        e = g_hash_table_lookup(s->atc.table, &key);
        if (e) {
            return e;
        }
        shifts &= shifts - 1;
    }
    return NULL;
}

void svatest_atc_insert(SVATestState *s, uint32_t pasid,
                        const PCISVARange *range)
{
    SVATestATC *atc = &s->atc;
    SVATestATCEntry *e;

    /* A new answer replaces whatever covers the page. */
    while ((e = svatest_atc_lookup(s, pasid, range->iova))) {
        svatest_atc_remove(atc, e);
    }
    if (atc->count >= s->atc_entries) {
        svatest_atc_remove(atc, QTAILQ_FIRST(&atc->fifo));
        svatest_count(s, SVATEST_CNT_ATC_EVICTIONS, 1);
    }
    e = g_new0(SVATestATCEntry, 1);
    e->pasid = pasid;
    e->shift = ctz64(range->size);
    e->page = range->iova >> e->shift;
    e->range = *range;
    g_hash_table_add(atc->table, e);
    QTAILQ_INSERT_TAIL(&atc->fifo, e, next);
    atc->count++;
    atc->per_shift[e->shift]++;
    atc->shifts |= BIT_ULL(e->shift);
}

static bool svatest_inv_hits(const PCISVAInvalidation *inv,
                             const SVATestATCEntry *e)
{
    if (inv->global ? e->pasid == PCI_NO_PASID : e->pasid != inv->pasid) {
        return false;
    }
    /* Sizes are powers of two and aligned: one contains the other or none. */
    return !inv->size ||
           e->range.iova - inv->addr < inv->size ||
           inv->addr - e->range.iova < e->range.size;
}

static void svatest_inv_apply(SVATestState *s, const PCISVAInvalidation *inv)
{
    SVATestATCEntry *e, *tmp;

    if (inv->size == SVATEST_PAGE && !inv->global) {
        while ((e = svatest_atc_lookup(s, inv->pasid, inv->addr))) {
            svatest_atc_remove(&s->atc, e);
        }
        return;
    }
    QTAILQ_FOREACH_SAFE(e, &s->atc.fifo, next, tmp) {
        if (svatest_inv_hits(inv, e)) {
            svatest_atc_remove(&s->atc, e);
        }
    }
}

/*
 * The BQL keeps this out of a running slice, and a slice looks each page up
 * again: once this returns no access uses the old translation.
 */
bool svatest_atc_invalidate(void *opaque, const PCISVAInvalidation *asked)
{
    SVATestState *s = opaque;
    PCISVAInvalidation heeded = *asked, *inv = &heeded;

    /* Who does not advertise the Global bit ignores it. */
    inv->global &= svatest_ats_global(s);
    svatest_count(s, inv->global ? SVATEST_CNT_INV_GLOBAL :
                     inv->size ? SVATEST_CNT_INV_PAGE : SVATEST_CNT_INV_ALL, 1);
    if (s->inv_ignore) {
        s->inv_ignore--;
        svatest_count(s, SVATEST_CNT_INV_IGNORED, 1);
    } else {
        svatest_inv_apply(s, inv);
    }
    if (!s->inv_hold || s->num_held == SVATEST_HELD_MAX) {
        return true;
    }
    s->held[s->num_held].cookie = inv->cookie;
    s->held[s->num_held].due = s->inv_hold == SVATEST_INV_HOLD_EVER ?
        SVATEST_NO_DEADLINE :
        qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + (int64_t)s->inv_hold * 1000;
    s->num_held++;
    svatest_kick(s);
    return false;
}

/* Complete the held invalidations that are due at @now. */
void svatest_atc_release(SVATestState *s, int64_t now)
{
    unsigned i = 0;

    while (i < s->num_held) {
        uint32_t cookie = s->held[i].cookie;

        if (s->held[i].due > now) {
            i++;
            continue;
        }
        s->num_held--;
        memmove(&s->held[i], &s->held[i + 1],
                (s->num_held - i) * sizeof(s->held[0]));
        pci_sva_inv_done(&s->parent_obj, cookie);
    }
}

int64_t svatest_atc_next_due(SVATestState *s)
{
    int64_t due = SVATEST_NO_DEADLINE;

    for (unsigned i = 0; i < s->num_held; i++) {
        due = MIN(due, s->held[i].due);
    }
    return due;
}
