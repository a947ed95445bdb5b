/*
 * Reserved bits: each bit of each structure and descriptor, by what the unit
 * says that it has
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A case takes one structure that is right, inverts one bit after the other,
 * and compares what comes of it with a table made of chapters 3, 6.5 and 9.
 * Which of the optional fields exist is read from CAP_REG and ECAP_REG.
 */

#include "qemu/osdep.h"
#include "svatest-walk.h"

#define BIT64(n)            (1ull << (n))
#define BITS(first, last)   (((last) == 63 ? 0 : BIT64((last) + 1)) - \
                             BIT64(first))
#define HAW     48

/* ECAP_REG */
#define ECAP_DT         BIT64(2)
#define ECAP_SC         BIT64(7)
#define ECAP_MTS        BIT64(25)
#define ECAP_PRS        BIT64(29)
#define ECAP_SRS        BIT64(31)
#define ECAP_EAFS       BIT64(34)
#define ECAP_PASID      BIT64(40)
#define ECAP_SSADS      BIT64(45)
#define ECAP_SMPWCS     BIT64(48)
#define ECAP_RPS        BIT64(49)
#define ECAP_RPRIVS     BIT64(53)
#define ECAP_HPTS       BIT64(55)
#define ECAP_PTRS       BIT64(56)
#define ECAP_SSIRWS     BIT64(57)

/** Field: bits that are reserved, unless a capability makes them a field */
typedef struct Field {
    unsigned quad;
    uint64_t bits;
    uint64_t ecap;      /* 0: always reserved */
} Field;

#define FIELDS_END  { 8 }

static const Field root_fields[] = {
    { 0, BITS(1, 11) }, { 0, BITS(HAW, 63) },
    FIELDS_END,
};

static const Field context_fields[] = {
    { 0, BIT64(2), ECAP_DT }, { 0, BIT64(3), ECAP_PASID },
    { 0, BIT64(4), ECAP_PRS }, { 0, BIT64(5), ECAP_HPTS },
    { 0, BIT64(6), ECAP_PTRS }, { 0, BITS(7, 8) }, { 0, BITS(HAW, 63) },
    { 1, BITS(0, 19), ECAP_RPS }, { 1, BIT64(20), ECAP_RPRIVS },
    { 1, BITS(21, 63) },
    { 2, UINT64_MAX }, { 3, UINT64_MAX },
    FIELDS_END,
};

static const Field directory_fields[] = {
    { 0, BITS(2, 11) }, { 0, BITS(HAW, 63) },
    FIELDS_END,
};

static const Field entry_fields[] = {
    { 0, BIT64(5) }, { 0, BIT64(9), ECAP_SSADS }, { 0, BITS(10, 11) },
    { 0, BITS(HAW, 63) },
    { 1, BITS(16, 22) }, { 1, BIT64(23), ECAP_SMPWCS },
    { 1, BIT64(24), ECAP_SC }, { 1, BITS(25, 26), ECAP_MTS },
    { 1, BITS(27, 31) }, { 1, BITS(32, 63), ECAP_MTS },
    { 2, BIT64(0), ECAP_SRS }, { 2, BIT64(1) }, { 2, BIT64(7), ECAP_EAFS },
    { 2, BITS(8, 11) }, { 2, BITS(HAW, 63) },
    { 3, UINT64_MAX },
    { 4, BITS(0, 2), ECAP_HPTS }, { 4, BITS(3, 11) },
    { 4, BITS(12, 47), ECAP_HPTS }, { 4, BITS(HAW, 63) },
    { 5, BITS(0, 15), ECAP_HPTS }, { 5, BITS(16, 63) },
    { 6, UINT64_MAX }, { 7, UINT64_MAX },
    FIELDS_END,
};

static const Field fs_table_fields[] = {
    { 0, BITS(HAW, 51) },
    FIELDS_END,
};

/* PML4E and PML5E: PS */
static const Field fs_upper_fields[] = {
    { 0, BIT64(7) }, { 0, BITS(HAW, 51) },
    FIELDS_END,
};

static const Field fs_2m_fields[] = {
    { 0, BITS(13, 20) }, { 0, BITS(HAW, 51) },
    FIELDS_END,
};

static const Field fs_1g_fields[] = {
    { 0, BITS(13, 29) }, { 0, BITS(HAW, 51) },
    FIELDS_END,
};

/* Entries of the second stage: SNP of those that are no leaves, IW */
static const Field ss_table_fields[] = {
    { 0, BIT64(11) }, { 0, BITS(HAW, 51) }, { 0, BIT64(62), ECAP_SSIRWS },
    FIELDS_END,
};

static const Field ss_upper_fields[] = {
    { 0, BIT64(7) }, { 0, BIT64(11) }, { 0, BITS(HAW, 51) },
    { 0, BIT64(62), ECAP_SSIRWS },
    FIELDS_END,
};

static const Field ss_4k_fields[] = {
    { 0, BIT64(11), ECAP_SC }, { 0, BITS(HAW, 51) },
    { 0, BIT64(62), ECAP_SSIRWS },
    FIELDS_END,
};

static const Field ss_2m_fields[] = {
    { 0, BIT64(11), ECAP_SC }, { 0, BITS(12, 20) }, { 0, BITS(HAW, 51) },
    { 0, BIT64(62), ECAP_SSIRWS },
    FIELDS_END,
};

static const Field ss_1g_fields[] = {
    { 0, BIT64(11), ECAP_SC }, { 0, BITS(12, 29) }, { 0, BITS(HAW, 51) },
    { 0, BIT64(62), ECAP_SSIRWS },
    FIELDS_END,
};

static uint64_t reserved(const Field *f, unsigned quad, uint64_t ecap)
{
    uint64_t bits = 0;

    for (; f->quad < 8; f++) {
        if (f->quad == quad && !(f->ecap & ecap)) {
            bits |= f->bits;
        }
    }
    return bits;
}

typedef enum Where {
    ROOT, ROOT_OTHER_HALF, CONTEXT, DIRECTORY, ENTRY, FS, SS,
} Where;

typedef struct Structure {
    const char *name;
    Mode mode;
    Where where;
    int level;          /* of the entry, for FS and SS */
    int page;           /* level of the page: FS or SS, 0 means 1 */
    unsigned quads;
    uint8_t reason;
    const Field *fields;
    bool rid;
} Structure;

static const Structure structures[] = {
    { "root", FIRST, ROOT, .quads = 1, 0x3a, root_fields },
    { "root/rid", FIRST, ROOT, .quads = 1, 0x3a, root_fields, true },
    { "context", FIRST, CONTEXT, .quads = 4, 0x42, context_fields },
    { "context/rid", FIRST, CONTEXT, .quads = 4, 0x42, context_fields, true },
    { "directory", FIRST, DIRECTORY, .quads = 1, 0x52, directory_fields },
    { "entry/first", FIRST, ENTRY, .quads = 8, 0x5a, entry_fields },
    { "entry/second", SECOND, ENTRY, .quads = 8, 0x5a, entry_fields },
    { "entry/nested", NESTED, ENTRY, .quads = 8, 0x5a, entry_fields },
    { "entry/pass-through", PASS, ENTRY, .quads = 8, 0x5a, entry_fields },
    { "entry/rid", FIRST, ENTRY, .quads = 8, 0x5a, entry_fields, true },
    { "first/1", FIRST, FS, 1, 1, 1, 0x72, fs_table_fields },
    { "first/2", FIRST, FS, 2, 1, 1, 0x72, fs_table_fields },
    { "first/3", FIRST, FS, 3, 1, 1, 0x72, fs_table_fields },
    { "first/4", FIRST, FS, 4, 1, 1, 0x72, fs_upper_fields },
    { "first/2m", FIRST, FS, 2, 2, 1, 0x72, fs_2m_fields },
    { "first/1g", FIRST, FS, 3, 3, 1, 0x72, fs_1g_fields },
    { "nested/first/1", NESTED, FS, 1, 1, 1, 0x72, fs_table_fields },
    { "nested/first/2", NESTED, FS, 2, 1, 1, 0x72, fs_table_fields },
    { "nested/first/3", NESTED, FS, 3, 1, 1, 0x72, fs_table_fields },
    { "nested/first/4", NESTED, FS, 4, 1, 1, 0x72, fs_upper_fields },
    { "nested/first/2m", NESTED, FS, 2, 2, 1, 0x72, fs_2m_fields },
    { "second/1", SECOND, SS, 1, 1, 1, 0x7a, ss_4k_fields },
    { "second/2", SECOND, SS, 2, 1, 1, 0x7a, ss_table_fields },
    { "second/3", SECOND, SS, 3, 1, 1, 0x7a, ss_table_fields },
    { "second/4", SECOND, SS, 4, 1, 1, 0x7a, ss_upper_fields },
    { "second/2m", SECOND, SS, 2, 2, 1, 0x7a, ss_2m_fields },
    { "second/1g", SECOND, SS, 3, 3, 1, 0x7a, ss_1g_fields },
    { "nested/second/1", NESTED, SS, 1, 1, 1, 0x7a, ss_4k_fields },
    { "nested/second/2", NESTED, SS, 2, 1, 1, 0x7a, ss_table_fields },
    { "nested/second/4", NESTED, SS, 4, 1, 1, 0x7a, ss_upper_fields },
    { "nested/second/2m", NESTED, SS, 2, 2, 1, 0x7a, ss_2m_fields },
};

static uint64_t where_at(Walk *w, const Structure *c)
{
    uint32_t pasid = c->rid ? 0 : WALK_PASID;

    switch (c->where) {
    case ROOT:
        return vtd_root_at(w->s, SID0);
    case CONTEXT:
        return vtd_context_at(w->s, SID0);
    case DIRECTORY:
        return vtd_dir_at(w->s, SID0, pasid);
    case ENTRY:
        return vtd_entry_at(w->s, SID0, pasid);
    case FS:
        return vtd_slot(&w->fs, w->iova, c->level);
    default:
        return vtd_slot(&w->ss, w->gpa, c->level);
    }
}

/* PS of an entry that is no leaf makes one of it: another structure */
static bool is_another(const Structure *c, unsigned bit)
{
    return c->where >= FS && bit == 7 && c->level > 1 && c->level < 4;
}

static void check_bit(Walk *w, const Structure *c, uint64_t at, unsigned bit,
                      bool is_reserved)
{
    uint64_t old = sva_read64(w->s, at);
    SvaFault f = { };
    bool ok;

    sva_write64(w->s, at, old ^ BIT64(bit));
    vtd_flush_all(w->s);
    ok = sva_access(&w->d, c->rid ? NO_PASID : WALK_PASID, w->iova, A_READ);
    vtd_fault_next(w->s, &f);
    g_test_message("quad at 0x%" PRIx64 ", bit %u: reason 0x%x", at, bit,
                   f.reason);
    if (is_reserved) {
        g_assert_false(ok);
        g_assert_cmphex(f.reason, ==, c->reason);
    } else if (!is_another(c, bit)) {
        g_assert_cmphex(f.reason, !=, c->reason);
    }
    vtd_fault_clear(w->s);
    sva_write64(w->s, at, old);
}

static void structure_case(const void *opaque)
{
    const Structure *c = opaque;
    Walk w = { .mode = c->mode, .rid = c->rid };
    uint64_t at, ecap;
    unsigned quad, bit;

    if (c->where == FS) {
        w.fs_page = c->page;
    } else if (c->where == SS) {
        w.ss_page = c->page;
    }
    walk_begin(&w);
    walk_go(&w);
    ecap = vtd_readq(w.s, VTD_ECAP);
    at = where_at(&w, c);
    for (quad = 0; quad < c->quads; quad++) {
        uint64_t bits = reserved(c->fields, quad, ecap);

        for (bit = 0; bit < 64; bit++) {
            check_bit(&w, c, at + quad * 8, bit, bits & BIT64(bit));
        }
    }
    /* It was right, and is again. */
    vtd_flush_all(w.s);
    g_assert_true(sva_access(&w.d, c->rid ? NO_PASID : WALK_PASID, w.iova,
                             A_READ));
    sva_quit(w.s);
}

/* The half of a root entry that the requester does not use is not looked at. */
static void test_root_other_half(void)
{
    Walk w = { .mode = FIRST };
    unsigned bit;

    walk_begin(&w);
    walk_go(&w);
    for (bit = 0; bit < 64; bit++) {
        sva_write64(w.s, vtd_root_at(w.s, SID0) + 8, BIT64(bit) | 1);
        vtd_flush_all(w.s);
        g_assert_true(sva_access(&w.d, WALK_PASID, w.iova, A_READ));
    }
    vtd_expect_no_fault(w.s);
    sva_quit(w.s);
}

/* What is absent may hold anything but FPD. */
typedef struct Absent {
    const char *name;
    Where where;
    unsigned quads;
    uint8_t reason;
} Absent;

static const Absent absents[] = {
    { "root", ROOT, 1, 0x39 },
    { "context", CONTEXT, 4, 0x41 },
    { "directory", DIRECTORY, 1, 0x51 },
    { "entry", ENTRY, 8, 0x59 },
    { "first", FS, 1, 0x71 },
};

static void absent_case(const void *opaque)
{
    const Absent *a = opaque;
    Structure c = { .where = a->where, .level = 1 };
    Walk w = { .mode = FIRST };
    uint64_t at;
    unsigned quad;
    SvaFault f;

    walk_begin(&w);
    walk_go(&w);
    at = where_at(&w, &c);
    for (quad = 0; quad < a->quads; quad++) {
        sva_write64(w.s, at + quad * 8, quad || a->where == FS ?
                    UINT64_MAX - !quad : UINT64_MAX - 3);
    }
    vtd_flush_all(w.s);
    g_assert_false(sva_access(&w.d, WALK_PASID, w.iova, A_READ));
    g_assert_true(vtd_fault_next(w.s, &f));
    g_assert_cmphex(f.reason, ==, a->reason);
    sva_quit(w.s);
}

/** Descriptor: a right one, the bits that it may have besides, 6.5.2 */
typedef struct Descriptor {
    const char *name;
    uint64_t q0, q1;
    uint64_t may[2];
} Descriptor;

#define TYPE    (BITS(0, 3) | BITS(9, 11))
#define PFSID   (BITS(12, 15) | BITS(52, 63))

/* Granularities have values that are reserved, each is a case of its own. */
static const Descriptor descriptors[] = {
    { "context", 0x11, 0, { BITS(16, 31) | BITS(32, 49) } },
    { "iotlb", 0x12, 0, { BITS(6, 7) | BITS(16, 31),
                          BITS(0, 6) | BITS(12, 63) } },
    { "iotlb-page", 0x32, 0, { BITS(6, 7) | BITS(16, 31),
                               BITS(0, 4) | BIT64(6) | BITS(12, 63) } },
    { "device", 0x3, 0, { BITS(16, 20) | BITS(32, 47) | PFSID,
                          BIT64(0) | BITS(12, 63) } },
    { "interrupt", 0x4, 0, { BIT64(4) | BITS(27, 31) | BITS(32, 47) } },
    { "wait", 0x5 | WAIT_FN, 0x1000, { BITS(4, 7) | BITS(32, 63),
                                       BITS(2, 63) } },
    { "pasid-iotlb", 0x26, 0, { BITS(16, 31) | BITS(32, 51),
                                BITS(0, 6) | BITS(12, 63) } },
    { "pasid-iotlb-page", 0x36, 0, { BITS(16, 31) | BITS(32, 51),
                                     BITS(0, 6) | BITS(12, 63) } },
    { "pasid-cache", 0x37, 0, { BITS(16, 31) | BITS(32, 51) } },
    { "pasid-device", 0x8, 0, { BITS(4, 8) | BITS(16, 31) | BITS(32, 51) |
                                PFSID,
                                BIT64(0) | BIT64(11) | BITS(12, 63) } },
    { "response", 0x9, 0, { BIT64(4) | BITS(12, 15) | BITS(16, 31) |
                            BITS(32, 51),
                            BITS(2, 11) } },
};

/* Bits 5:4 of those that have a granularity */
static uint64_t granularity(const Descriptor *d)
{
    return strstr(d->name, "context") || strstr(d->name, "iotlb") ||
           strstr(d->name, "cache") ? BITS(4, 5) : 0;
}

static void replace_with_wait(Sva *s, uint64_t at)
{
    int i;

    for (i = 0; i < 4; i++) {
        sva_write64(s, at + i * 8, i ? 0 : 5 | WAIT_FN);
    }
}

static void descriptor_case(const void *opaque)
{
    const Descriptor *d = opaque;
    Sva *s = sva_start(SVA_MACHINE);
    unsigned bit;
    uint64_t head;

    vtd_enable(s);
    for (bit = 0; bit < 256; bit++) {
        uint64_t q[4] = { d->q0, d->q1 };
        uint64_t one = BIT64(bit % 64);
        bool ok = bit < 128 && (d->may[bit / 64] & one);

        if (bit < 64 && (one & (TYPE | granularity(d)))) {
            continue;
        }
        q[bit / 64] ^= one;
        g_test_message("bit %u", bit);
        head = vtd_readq(s, VTD_IQH);
        vtd_iq4(s, q[0], q[1], q[2], q[3]);
        g_assert_cmphex(vtd_readl(s, VTD_FSTS) & 0xff, ==, ok ? 0 : FSTS_IQE);
        if (!ok) {
            g_assert_cmphex(vtd_readq(s, VTD_IQER) & 0xf, ==, 4);
            g_assert_cmphex(vtd_readq(s, VTD_IQH), ==, head);
            replace_with_wait(s, s->iq + head);
            vtd_writel(s, VTD_FSTS, FSTS_IQE);
        }
        g_assert_true(vtd_wait(s));
    }
    sva_quit(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    SVA_ADD_TABLE("reserved", structures, structure_case);
    SVA_ADD_TABLE("reserved/absent", absents, absent_case);
    SVA_ADD_TABLE("reserved/descriptor", descriptors, descriptor_case);
    qtest_add_func("/svatest/reserved/root/other-half", test_root_other_half);
    return g_test_run();
}
