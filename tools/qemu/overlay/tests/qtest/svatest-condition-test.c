/*
 * Table 30 of the VT-d specification, revision 5.10: each condition, met by
 * each kind of request that can meet it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rows below are those of the specification, under its codes and with its
 * columns; the emulation has a table of its own. A row that stands here without
 * a way to make its condition is not reachable with the capabilities of this
 * unit, for the reason given. A case is one row and one column.
 *
 * Where a row is qualified, the same request is sent once more with FPD set in
 * the context entry, and ends the same way without a record.
 *
 * All of it is done for a unit of each major version that differs from the one
 * before it, for which RTA.5 and SPT.5 exclude each other.
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   0x54321u
#define DID     0x77
#define IOVA    0x2468ace000ull     /* within 39 bits */
#define HOLE    0x700000000000ull   /* nothing answers here */
#define MSI     0xfee00000ull
#define MAGIC   0x7461626c65333021ull

#define RIGHTS  (SVATEST_DET_READ | SVATEST_DET_WRITE)

/* Columns of the table */
typedef enum Kind {
    UNTRANSLATED, UNTRANSLATED_PASID,
    TRANSLATION, TRANSLATION_PASID,
    TRANSLATED, TRANSLATED_PASID,
    REQUEST, REQUEST_SILENT,
    KINDS,
} Kind;

static const char *const kinds[KINDS] = {
    "untranslated", "untranslated-pasid", "translation", "translation-pasid",
    "translated", "translated-pasid", "page-request",
    "page-request-no-response",
};

/*
 * What stands in the columns: S0 is "Success with R=W=U=S=0", S0+ the same
 * "also reported as non-recoverable fault", SE "Success with effective
 * permission".
 */
typedef enum End { NA, UR, CA, S0, S0R, SE, IR, DROP } End;

typedef enum Mode { LEGACY, FIRST, SECOND, NESTED, PASS } Mode;

/** T30: a requester whose tables are right until the row breaks them */
typedef struct T30 {
    Sva *s;
    SvaDev d;
    SvaTable fs, ss;
    SvaEntry entry;
    Mode mode;
    uint64_t data;      /* the page at iova */
    uint64_t iova, raw; /* raw: address of translated requests */
    unsigned how;       /* of untranslated requests */
    uint32_t pasid;
    uint64_t root, ctx; /* entries in memory */
    uint64_t fs_leaf, ss_leaf, gpa;
    uint64_t ttm;
} T30;

typedef struct Row {
    const char *code;
    uint8_t reason;
    bool qualified;
    const char *ends;
    Mode mode;
    void (*make)(T30 *t);
    const char *unreachable;    /* why, if the row is */
    unsigned how;               /* 0: read */
    unsigned from, to;          /* major versions that have the row; 0: all */
} Row;

/* The entries of the PASID tables, one for each kind of request */
static uint64_t dir_at(T30 *t, bool pasid)
{
    return vtd_dir_at(t->s, SID0, pasid ? PASID : 0);
}

static uint64_t pe_at(T30 *t, bool pasid)
{
    return vtd_entry_at(t->s, SID0, pasid ? PASID : 0);
}

static void set_pe(T30 *t, unsigned quad, uint64_t clear, uint64_t set)
{
    int i;

    for (i = 0; i < 2; i++) {
        sva_clear_bits(t->s, pe_at(t, i) + quad * 8, clear);
        sva_set_bits(t->s, pe_at(t, i) + quad * 8, set);
    }
}

static void set_dir(T30 *t, uint64_t clear, uint64_t set)
{
    uint64_t at[2] = { dir_at(t, false), dir_at(t, true) };
    int i;

    for (i = 0; i < 2; i++) {
        sva_clear_bits(t->s, at[i], clear);
        sva_set_bits(t->s, at[i], set);
    }
}

static void change(T30 *t, uint64_t at, uint64_t clear, uint64_t set)
{
    sva_clear_bits(t->s, at, clear);
    sva_set_bits(t->s, at, set);
}

/* Root table address register, root and context tables */
static void root_hole(T30 *t) { t->s->root = HOLE; }
static void root_absent(T30 *t) { change(t, t->root, 1, 0); }
static void root_reserved(T30 *t) { change(t, t->root, 0, 1 << 1); }
static void ctx_hole(T30 *t) { change(t, t->root, ADDR_MASK, HOLE); }
static void ctx_absent(T30 *t) { change(t, t->ctx, CTX_P, 0); }
static void lct_reserved(T30 *t) { change(t, t->ctx, 0, 1 << 4); }
static void lct_width(T30 *t) { change(t, t->ctx + 8, 7, 3); }
static void lct_type(T30 *t) { change(t, t->ctx, 0, 3 << 2); }
static void lct_top_hole(T30 *t) { change(t, t->ctx, ADDR_MASK, HOLE); }
static void lct_memory_only(T30 *t) { change(t, t->ctx, 3 << 2, 0); }
static void lct_pass(T30 *t) { change(t, t->ctx, 3 << 2, 2 << 2); }
static void ttm_reserved(T30 *t) { t->ttm = TTM_RESERVED; }
static void ttm_abort(T30 *t) { t->ttm = TTM_ABORT; }
static void nothing(T30 *t) { }
static void sct_reserved(T30 *t) { change(t, t->ctx, 0, 1 << 7); }
static void sct_pre_alone(T30 *t) { change(t, t->ctx, CTX_DTE, 0); }
static void sct_no_ats(T30 *t) { change(t, t->ctx, CTX_DTE | CTX_PRE, 0); }
static void sct_no_pasid(T30 *t) { change(t, t->ctx, CTX_PASIDE, 0); }
static void sct_pdts(T30 *t) { change(t, t->ctx, 7 << 9, CTX_PDTS(1)); }
static void sct_no_pri(T30 *t) { change(t, t->ctx, CTX_PRE, 0); }
static void sct_rid(T30 *t) { change(t, t->ctx + 8, 0, PASID); }

static void sct_rid_limit(T30 *t)
{
    sct_pdts(t);
    change(t, t->ctx + 8, 0, 1 << 14);
}

/* PASID directory and table */
static void spd_hole(T30 *t) { change(t, t->ctx, ADDR_MASK, HOLE); }
static void spd_absent(T30 *t) { set_dir(t, 1, 0); }
static void spd_reserved(T30 *t) { set_dir(t, 0, 1 << 2); }
static void spt_hole(T30 *t) { set_dir(t, ADDR_MASK, HOLE); }
static void spt_absent(T30 *t) { set_pe(t, 0, PE_P, 0); }
static void spt_reserved(T30 *t) { set_pe(t, 0, 0, 1 << 10); }
static void spt_width(T30 *t) { set_pe(t, 0, PE_AW(7), PE_AW(3)); }
static void spt_type(T30 *t) { set_pe(t, 0, 7 << 6, 5 << 6); }
static void spt_five(T30 *t) { set_pe(t, 2, 0, PE_FSPM5); }
static void spt_wide(T30 *t) { set_pe(t, 2, 0, 1ull << 40); }
static void spt_exec(T30 *t) { t->how |= A_EXEC; }
static void spt_priv(T30 *t) { t->how |= A_PRIV; }

/* First stage */
static void sfs_hole(T30 *t)
{
    change(t, vtd_slot(&t->fs, t->iova, 2), ADDR_MASK, HOLE);
}

static void sfs_absent(T30 *t) { change(t, t->fs_leaf, FS_P, 0); }
static void sfs_reserved(T30 *t) { change(t, t->fs_leaf, 0, 1ull << 50); }
static void sfs_top_hole(T30 *t) { set_pe(t, 2, ADDR_MASK, HOLE); }

static void sfs_limit(T30 *t)
{
    change(t, t->fs_leaf, ADDR_MASK, 1ull << 40);
}

static uint64_t table_at(T30 *t, int level)
{
    uint64_t hpa = level == 4 ? t->fs.root :
        (sva_read64(t->s, vtd_slot(&t->fs, t->iova, level + 1)) & ADDR_MASK) -
        GiB1;

    return vtd_slot(&t->ss, GPA(hpa), 1);
}

static void sfs_top_read(T30 *t) { change(t, table_at(t, 4), SS_R, 0); }
static void sfs_read(T30 *t) { change(t, table_at(t, 2), SS_R, 0); }
static void sfs_write(T30 *t) { change(t, table_at(t, 2), SS_W, 0); }
static void sfs_snoop(T30 *t) { set_pe(t, 1, PE_PWSNP, 0); }

/* The leaf table in the firmware, which no write changes */
static void sfs_rom(T30 *t)
{
    t->iova = IOVA & ~(MiB2 - 1);
    change(t, vtd_slot(&t->fs, IOVA, 2), ADDR_MASK, SVA_ROM);
}

/* Second stage */
static void sss_hole(T30 *t)
{
    change(t, vtd_slot(&t->ss, t->gpa, 2), ADDR_MASK, HOLE);
}

static void sss_absent(T30 *t) { change(t, t->ss_leaf, SS_ALL, 0); }
static void sss_reserved(T30 *t) { change(t, t->ss_leaf, 0, 1ull << 50); }
/* The same of a first-stage table, which the second stage translates as well */
static void sss_table_hole(T30 *t)
{
    uint64_t table = sva_read64(t->s, vtd_slot(&t->fs, t->iova, 2)) & ADDR_MASK;

    change(t, vtd_slot(&t->ss, table, 2), ADDR_MASK, HOLE);
}

static void sss_table_absent(T30 *t) { change(t, table_at(t, 2), SS_ALL, 0); }

static void sss_table_reserved(T30 *t)
{
    change(t, table_at(t, 2), 0, 1ull << 50);
}

static void sss_top_hole(T30 *t) { set_pe(t, 0, ADDR_MASK, HOLE); }

static void sss_no_common(T30 *t)
{
    change(t, t->ss_leaf, SS_R, 0);
    change(t, vtd_slot(&t->ss, t->gpa, 3), SS_W, 0);
}

static void sss_snoop(T30 *t)
{
    set_pe(t, 1, PE_PWSNP, 0);
    set_pe(t, 0, 0, PE_SSADE);
}

static void sss_rom(T30 *t)
{
    t->iova = IOVA & ~(MiB2 - 1);
    change(t, vtd_slot(&t->ss, IOVA, 2), ADDR_MASK, SVA_ROM);
    set_pe(t, 0, 0, PE_SSADE);
}

/* General */
static void sgn_canonical(T30 *t) { t->iova = 1ull << 47; }
static void sgn_user(T30 *t) { change(t, t->fs_leaf, FS_US, 0); }
static void beyond_host(T30 *t) { t->raw = t->iova = 1ull << 48; }
static void beyond_width(T30 *t) { t->iova = IOVA | 1ull << 50; }
static void pass_beyond_host(T30 *t) { lct_pass(t); beyond_host(t); }
static void fs_no_write(T30 *t) { change(t, t->fs_leaf, FS_RW, 0); }
static void ss_no_write(T30 *t) { change(t, t->ss_leaf, SS_W, 0); }
static void ss_no_write_priv(T30 *t)
{
    t->how |= A_PRIV;
    set_pe(t, 2, 0, PE_SRE);
    ss_no_write(t);
}

static void ss_no_read(T30 *t) { change(t, t->ss_leaf, SS_R, 0); }
static void to_messages(T30 *t) { change(t, t->ss_leaf, ADDR_MASK, MSI); }
static void fs_to_messages(T30 *t) { change(t, t->fs_leaf, ADDR_MASK, MSI); }
static void pass_to_messages(T30 *t) { t->iova = MSI; }
static void lct_pass_to_messages(T30 *t) { lct_pass(t); pass_to_messages(t); }
static void raw_messages(T30 *t) { t->raw = MSI; }

#define Yes true
#define No  false
#define SCALABLE_ONLY   FIRST
#define NO_HPT  "ECAP.HPTS=0: translated requests ask no PASID table"

/* In the order of the specification */
static const Row rows[] = {
    { "LRT.1", 0x08, No, "UR NA CA NA UR NA NA NA", LEGACY, root_hole },
    { "LRT.2", 0x01, No, "UR NA UR NA UR NA NA NA", LEGACY, root_absent },
    { "LRT.3", 0x0a, No, "UR NA CA NA UR NA NA NA", LEGACY, root_reserved },
    { "LCT.1", 0x09, No, "UR NA CA NA UR NA NA NA", LEGACY, ctx_hole },
    { "LCT.2", 0x02, Yes, "UR NA UR NA UR NA NA NA", LEGACY, ctx_absent },
    { "LCT.3", 0x0b, Yes, "UR NA CA NA UR NA NA NA", LEGACY, lct_reserved },
    { "LCT.4.1", 0x03, Yes, "UR NA CA NA UR NA NA NA", LEGACY, lct_width },
    { "LCT.4.2", 0x03, Yes, "UR NA CA NA UR NA NA NA", LEGACY, lct_type },
    { "LCT.4.3", 0x03, Yes, "UR NA CA NA NA NA NA NA", LEGACY, lct_top_hole },
    { "LCT.5", 0x0d, Yes, "NA NA UR NA UR NA NA NA", LEGACY,
      lct_memory_only },
    { "LCT.5/pass-through", 0x0d, Yes, "NA NA UR NA UR NA NA NA", LEGACY,
      lct_pass },
    { "LSS.1", 0x07, Yes, "UR NA CA NA NA NA NA NA", LEGACY, sss_hole },
    { "LSS.2", 0x0c, Yes, "UR NA CA NA NA NA NA NA", LEGACY, sss_reserved },
    { "LGN.1.1", 0x04, Yes, "UR NA S0 NA NA NA NA NA", LEGACY, beyond_width },
    { "LGN.1.2", 0x04, Yes, "NA NA NA NA UR NA NA NA", LEGACY, beyond_host },
    { "LGN.1.3", 0x04, Yes, "UR NA NA NA NA NA NA NA", LEGACY,
      pass_beyond_host },
    { "LGN.2", 0x05, Yes, "UR NA SE NA NA NA NA NA", LEGACY, ss_no_write,
      .how = A_WRITE },
    { "LGN.2/atomic", 0x05, Yes, "UR NA SE NA NA NA NA NA", LEGACY,
      ss_no_write, .how = A_ATOMIC },
    { "LGN.2/absent", 0x05, Yes, "UR NA SE NA NA NA NA NA", LEGACY,
      sss_absent, .how = A_WRITE },
    { "LGN.3", 0x06, Yes, "UR NA SE NA NA NA NA NA", LEGACY, ss_no_read },
    { "LGN.3/absent", 0x06, Yes, "UR NA SE NA NA NA NA NA", LEGACY,
      sss_absent },
    { "LGN.4", 0x0e, Yes, "UR NA CA NA NA NA NA NA", LEGACY, to_messages },
    { "LGN.4/pass-through", 0x0e, Yes, "UR NA NA NA NA NA NA NA", LEGACY,
      lct_pass_to_messages },
    { "LGN.4/translated", 0x0e, Yes, "NA NA NA NA UR NA NA NA", LEGACY,
      raw_messages },

    { "RTA.1.1", 0x30, No, "UR UR CA CA UR UR IR drop", SCALABLE_ONLY,
      .unreachable = "ECAP.ADMS=1: TTM 11b is a mode" },
    { "RTA.1.2", 0x30, No, "UR UR CA CA UR UR IR drop", SCALABLE_ONLY,
      ttm_reserved },
    { "RTA.1.3", 0x30, No, "UR UR CA CA UR UR IR drop", SCALABLE_ONLY,
      .unreachable = "ECAP.SMTS=1: TTM 01b is a mode" },
    { "RTA.1.4", 0x30, No, "UR NA CA NA UR NA NA NA", LEGACY,
      .unreachable = "ECAP.SSIRWS=0: SSIRWE is no bit of the register" },
    { "RTA.2", 0x31, No, "NA UR NA UR NA UR NA NA", LEGACY, nothing },
    { "RTA.3", 0x32, No, "NA NA NA NA NA NA IR drop", LEGACY, nothing },
    { "RTA.4", 0x33, No, "UR UR UR UR UR UR IR drop", SCALABLE_ONLY,
      ttm_abort },
    { "RTA.5", 0x34, No, "NA UR NA UR NA UR NA NA", FIRST, spt_exec,
      .from = 8 },

    { "SRT.1", 0x38, No, "UR UR CA CA UR UR IR drop", FIRST, root_hole },
    { "SRT.2", 0x39, No, "UR UR UR UR UR UR IR drop", FIRST, root_absent },
    { "SRT.3", 0x3a, No, "UR UR CA CA UR UR IR drop", FIRST, root_reserved },
    { "SCT.1", 0x40, No, "UR UR CA CA UR UR IR drop", FIRST, ctx_hole },
    { "SCT.2", 0x41, Yes, "UR UR UR UR UR UR IR drop", FIRST, ctx_absent },
    { "SCT.3", 0x42, Yes, "UR UR CA CA UR UR IR drop", FIRST, sct_reserved },
    { "SCT.4.1", 0x43, Yes, "UR UR CA CA UR UR IR drop", FIRST,
      sct_pre_alone },
    { "SCT.4.2", 0x43, Yes, "UR UR CA CA UR UR IR drop", FIRST,
      sct_rid_limit },
    { "SCT.4.3", 0x43, Yes, "UR NA CA NA UR UR IR drop", FIRST,
      .unreachable = "ECAP.PTRS=0: EPTR is reserved" },
    { "SCT.5", 0x44, Yes, "NA NA UR UR UR UR NA NA", FIRST, sct_no_ats },
    { "SCT.6", 0x45, Yes, "NA UR NA UR NA NA IR drop", FIRST, sct_no_pasid },
    { "SCT.7", 0x46, Yes, "NA UR NA UR NA NA IR drop", FIRST, sct_pdts },
    { "SCT.7/translated", 0x46, Yes, "NA NA NA NA NA UR NA NA", FIRST,
      .unreachable = "ECAP.PTRS=0: SCT.10 comes before" },
    { "SCT.8", 0x47, Yes, "NA NA NA NA NA NA IR drop", FIRST, sct_no_pri },
    { "SCT.9", 0x48, Yes, "NA UR NA UR NA NA IR drop", FIRST, sct_rid },
    { "SCT.9/translated", 0x48, Yes, "NA NA NA NA NA UR NA NA", FIRST,
      .unreachable = "ECAP.PTRS=0: SCT.10 comes before" },
    { "SCT.10", 0x49, Yes, "NA NA NA NA NA UR NA NA", FIRST, nothing },

    { "SPD.1", 0x50, No, "UR UR CA CA NA NA IR drop", FIRST, spd_hole },
    { "SPD.1/translated", 0x50, No, "NA NA NA NA CA CA NA NA", FIRST,
      .unreachable = NO_HPT },
    { "SPD.2", 0x51, Yes, "UR UR S0 S0 NA NA IR drop", FIRST, spd_absent },
    { "SPD.2/translated", 0x51, Yes, "NA NA NA NA UR UR NA NA", FIRST,
      .unreachable = NO_HPT },
    { "SPD.3", 0x52, Yes, "UR UR CA CA NA NA IR drop", FIRST, spd_reserved },
    { "SPD.3/translated", 0x52, Yes, "NA NA NA NA CA CA NA NA", FIRST,
      .unreachable = NO_HPT },
    { "SPT.1", 0x58, No, "UR UR CA CA NA NA IR drop", FIRST, spt_hole },
    { "SPT.1/translated", 0x58, No, "NA NA NA NA CA CA NA NA", FIRST,
      .unreachable = NO_HPT },
    { "SPT.2", 0x59, Yes, "UR UR S0 S0 NA NA IR drop", FIRST, spt_absent },
    { "SPT.2/translated", 0x59, Yes, "NA NA NA NA UR UR NA NA", FIRST,
      .unreachable = NO_HPT },
    { "SPT.3", 0x5a, Yes, "UR UR CA CA NA NA IR drop", FIRST, spt_reserved },
    { "SPT.3/translated", 0x5a, Yes, "NA NA NA NA CA CA NA NA", FIRST,
      .unreachable = NO_HPT },
    { "SPT.4.1", 0x5b, Yes, "UR UR CA CA NA NA IR drop", SECOND, spt_width },
    { "SPT.4.1/nested", 0x5b, Yes, "UR UR CA CA NA NA IR drop", NESTED,
      spt_width },
    { "SPT.4.2", 0x5b, Yes, "UR UR CA CA NA NA IR drop", FIRST, spt_type },
    { "SPT.4.3", 0x5b, Yes, "UR UR CA CA NA NA IR drop", FIRST, spt_five },
    { "SPT.4.4", 0x5b, Yes, "UR UR CA CA NA NA IR drop", NESTED, spt_wide },
    { "SPT.4/translated", 0x5b, Yes, "NA NA NA NA CA CA NA NA", FIRST,
      .unreachable = NO_HPT },
    { "SPT.5", 0x5c, Yes, "NA UR NA S0 NA NA NA NA", FIRST, spt_exec,
      .to = 7 },
    { "SPT.6", 0x5d, Yes, "NA UR NA S0 NA NA NA NA", FIRST, spt_priv },
    { "SPT.6/rid", 0x5d, Yes, "UR NA S0 NA NA NA NA NA", FIRST,
      .unreachable = "ECAP.RPRIVS=0: no privilege without PASID" },
    { "SPT.9", 0x60, Yes, "NA NA NA NA UR UR NA NA", FIRST,
      .unreachable = NO_HPT },

    { "SFS.1", 0x70, Yes, "UR UR S0 S0 NA NA NA NA", FIRST, sfs_hole },
    { "SFS.2", 0x71, Yes, "UR UR S0 S0 NA NA NA NA", FIRST, sfs_absent },
    { "SFS.2/nested", 0x71, Yes, "UR UR S0 S0 NA NA NA NA", NESTED,
      sfs_absent },
    { "SFS.3", 0x72, Yes, "UR UR S0 S0 NA NA NA NA", FIRST, sfs_reserved },
    { "SFS.3/nested", 0x72, Yes, "UR UR S0 S0 NA NA NA NA", NESTED,
      sfs_reserved },
    { "SFS.4", 0x73, Yes, "UR UR S0 S0 NA NA NA NA", FIRST, sfs_top_hole },
    { "SFS.5", 0x74, Yes, "UR UR S0 S0 NA NA NA NA", NESTED, sfs_limit },
    { "SFS.6", 0x75, Yes, "UR UR S0 S0 NA NA NA NA", NESTED, sfs_top_read },
    { "SFS.7", 0x76, Yes, "UR UR S0 S0 NA NA NA NA", NESTED, sfs_read },
    { "SFS.8", 0x77, Yes, "UR UR S0 S0 NA NA NA NA", NESTED, sfs_write },
    { "SFS.9", 0x90, Yes, "UR UR S0 S0 NA NA NA NA", FIRST, sfs_snoop },
    { "SFS.10", 0x91, Yes, "UR UR S0+ S0+ NA NA NA NA", FIRST, sfs_rom },

    { "SSS.1", 0x78, Yes, "UR UR CA CA NA NA NA NA", SECOND, sss_hole },
    { "SSS.1/nested", 0x78, Yes, "UR UR CA CA NA NA NA NA", NESTED, sss_hole },
    { "SSS.1/table", 0x78, Yes, "UR UR CA CA NA NA NA NA", NESTED,
      sss_table_hole },
    { "SSS.2", 0x79, Yes, "UR UR S0 S0 NA NA NA NA", SECOND, sss_absent },
    { "SSS.2/common", 0x79, Yes, "UR UR S0 S0 NA NA NA NA", SECOND,
      sss_no_common },
    { "SSS.2/nested", 0x79, Yes, "UR UR S0 S0 NA NA NA NA", NESTED,
      sss_absent },
    { "SSS.2/table", 0x79, Yes, "UR UR S0 S0 NA NA NA NA", NESTED,
      sss_table_absent },
    { "SSS.3", 0x7a, Yes, "UR UR CA CA NA NA NA NA", SECOND, sss_reserved },
    { "SSS.3/nested", 0x7a, Yes, "UR UR CA CA NA NA NA NA", NESTED,
      sss_reserved },
    { "SSS.3/table", 0x7a, Yes, "UR UR CA CA NA NA NA NA", NESTED,
      sss_table_reserved },
    { "SSS.4", 0x7b, Yes, "UR UR CA CA NA NA NA NA", SECOND, sss_top_hole },
    { "SSS.4/nested", 0x7b, Yes, "UR UR CA CA NA NA NA NA", NESTED,
      sss_top_hole },
    { "SSS.5", 0x7c, Yes, "UR UR CA CA NA NA NA NA", SECOND, sss_snoop },
    { "SSS.6", 0x7d, Yes, "UR UR CA CA NA NA NA NA", SECOND, sss_rom },

    { "SGN.1", 0x80, Yes, "UR UR S0 S0 NA NA NA NA", FIRST, sgn_canonical },
    { "SGN.1/nested", 0x80, Yes, "UR UR S0 S0 NA NA NA NA", NESTED,
      sgn_canonical },
    { "SGN.2", 0x81, Yes, "UR UR S0 S0 NA NA NA NA", FIRST, sgn_user },
    { "SGN.2/nested", 0x81, Yes, "UR UR S0 S0 NA NA NA NA", NESTED, sgn_user },
    { "SGN.4.1", 0x83, Yes, "NA NA NA NA UR NA NA NA", FIRST, beyond_host },
    { "SGN.4.1/pasid", 0x83, Yes, "NA NA NA NA NA UR NA NA", FIRST,
      .unreachable = "ECAP.PTRS=0: SCT.10 comes before" },
    { "SGN.4.2", 0x83, Yes, "UR UR S0 S0 NA NA NA NA", PASS, beyond_host },
    { "SGN.5", 0x84, Yes, "UR UR S0 S0 NA NA NA NA", SECOND, beyond_width },
    { "SGN.6/first", 0x85, Yes, "UR UR SE SE NA NA NA NA", FIRST,
      fs_no_write, .how = A_WRITE },
    { "SGN.6/first/atomic", 0x85, Yes, "UR UR SE SE NA NA NA NA", FIRST,
      fs_no_write, .how = A_ATOMIC },
    { "SGN.6/second", 0x85, Yes, "UR UR SE SE NA NA NA NA", SECOND,
      ss_no_write, .how = A_WRITE },
    { "SGN.6/nested/first", 0x85, Yes, "UR UR SE SE NA NA NA NA", NESTED,
      fs_no_write, .how = A_WRITE },
    { "SGN.6/nested/second", 0x85, Yes, "UR UR SE SE NA NA NA NA", NESTED,
      ss_no_write, .how = A_WRITE },
    { "SGN.6/nested/second/privileged", 0x85, Yes, "NA UR NA SE NA NA NA NA",
      NESTED, ss_no_write_priv, .how = A_WRITE },
    { "SGN.7/second", 0x86, Yes, "UR UR SE SE NA NA NA NA", SECOND,
      ss_no_read },
    { "SGN.7/second/atomic", 0x86, Yes, "UR UR SE SE NA NA NA NA", SECOND,
      ss_no_read, .how = A_ATOMIC },
    { "SGN.7/nested", 0x86, Yes, "UR UR SE SE NA NA NA NA", NESTED,
      ss_no_read },
    { "SGN.8.1", 0x87, Yes, "UR UR NA NA NA NA NA NA", FIRST,
      fs_to_messages },
    { "SGN.8.1/second", 0x87, Yes, "UR UR NA NA NA NA NA NA", SECOND,
      to_messages },
    { "SGN.8.1/nested", 0x87, Yes, "UR UR NA NA NA NA NA NA", NESTED,
      to_messages },
    { "SGN.8.1/pass-through", 0x87, Yes, "UR UR NA NA NA NA NA NA", PASS,
      pass_to_messages },
    { "SGN.8.2", 0x87, Yes, "NA NA CA CA NA NA NA NA", FIRST,
      fs_to_messages },
    { "SGN.8.2/second", 0x87, Yes, "NA NA CA CA NA NA NA NA", SECOND,
      to_messages },
    { "SGN.8.2/nested", 0x87, Yes, "NA NA CA CA NA NA NA NA", NESTED,
      to_messages },
    { "SGN.8.3", 0x87, Yes, "NA NA NA NA UR NA NA NA", FIRST, raw_messages },
    { "SGN.8.3/pasid", 0x87, Yes, "NA NA NA NA NA UR NA NA", FIRST,
      .unreachable = "ECAP.PTRS=0: SCT.10 comes before" },
    { "SGN.10", 0x89, Yes, "NA UR NA UR NA UR NA NA", FIRST,
      .unreachable = "ECAP.PSS=19: no PASID is greater" },
    { "HPT.1", 0xa0, Yes, "NA NA NA NA CA CA NA NA", FIRST,
      .unreachable = NO_HPT },
    { "HPT.2", 0xa1, Yes, "NA NA NA NA CA CA NA NA", FIRST,
      .unreachable = NO_HPT },
    { "HPT.3", 0xa2, Yes, "NA NA NA NA CA CA NA NA", FIRST,
      .unreachable = NO_HPT },
    { "HPT.4", 0xa3, Yes, "NA NA NA NA UR UR NA NA", FIRST,
      .unreachable = NO_HPT },
    { "HPT.5", 0xa4, Yes, "NA NA NA NA UR UR NA NA", FIRST,
      .unreachable = NO_HPT },
    { "HPT.6", 0xa5, Yes, "NA NA NA NA UR UR NA NA", FIRST,
      .unreachable = NO_HPT },
};

static End end_of(const Row *row, Kind kind)
{
    static const char *const names[] = {
        [NA] = "NA", [UR] = "UR", [CA] = "CA", [S0] = "S0", [S0R] = "S0+",
        [SE] = "SE", [IR] = "IR", [DROP] = "drop",
    };
    g_auto(GStrv) words = g_strsplit(row->ends, " ", -1);
    int i;

    g_assert_cmpuint(g_strv_length(words), ==, KINDS);
    for (i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(words[kind], names[i])) {
            return i;
        }
    }
    g_assert_not_reached();
}

/* A page at IOVA through whatever stages the mode has */
static void make_tables(T30 *t)
{
    Sva *s = t->s;

    t->data = sva_page(s);
    t->raw = t->data;
    t->iova = t->gpa = IOVA;
    sva_write64(s, t->data, MAGIC);
    vtd_table(&t->ss, s, true, t->mode == NESTED ? 3 : 4, NULL);
    switch (t->mode) {
    case FIRST:
        vtd_table(&t->fs, s, false, 4, NULL);
        t->fs_leaf = vtd_map(&t->fs, IOVA, t->data, FS_ALL, 1);
        t->entry = vtd_entry_first(&t->fs, DID);
        break;
    case NESTED:
        vtd_table(&t->fs, s, false, 4, &t->ss);
        t->gpa = 0x2000000000ull + t->data;
        t->fs_leaf = vtd_map(&t->fs, IOVA, t->gpa, FS_ALL, 1);
        t->ss_leaf = vtd_map(&t->ss, t->gpa, t->data, SS_ALL, 1);
        t->entry = vtd_entry_nested(&t->fs, DID);
        break;
    case PASS:
        t->iova = t->data;
        t->entry = vtd_entry_pt(DID);
        break;
    default:
        t->ss_leaf = vtd_map(&t->ss, IOVA, t->data, SS_ALL, 1);
        t->entry = vtd_entry_second(&t->ss, DID);
    }
}

static void t30_start(T30 *t, const Row *row, unsigned version)
{
    g_autofree char *args = g_strdup_printf(
        SVA_UNIT ",x-version=%u -device svatest,addr=4", version);

    t->mode = row->mode;
    t->how = row->how ?: A_READ;
    t->s = sva_start(args);
    sva_dev_init(&t->d, t->s, SID0);
    sva_dev_pasid(&t->d, true);
    make_tables(t);
    if (t->mode == LEGACY) {
        t->ttm = TTM_LEGACY;
        t->root = t->s->root;
        sva_write64(t->s, t->root, sva_page(t->s) | 1);
        t->ctx = (sva_read64(t->s, t->root) & ADDR_MASK) + SID0 * 16;
        sva_write64(t->s, t->ctx, t->ss.root | 1 << 2 | 1);
        sva_write64(t->s, t->ctx + 8, DID << 8 | 2);
    } else {
        t->ttm = TTM_SCALABLE;
        vtd_context(t->s, SID0, CTX_ALL);
        vtd_bind(t->s, SID0, PASID, &t->entry);
        vtd_bind(t->s, SID0, 0, &t->entry);
        t->root = vtd_root_at(t->s, SID0);
        t->ctx = vtd_context_at(t->s, SID0);
    }
    vtd_pq_init(t->s, 0);
}

/* Setting the root pointer empties the caches. */
static void t30_go(T30 *t)
{
    vtd_set_root(t->s, t->ttm);
    vtd_gcmd(t->s, GSTS_TE, true);
    /* A device may turn these off when it was refused. */
    sva_dev_ats(&t->d, true);
    sva_dev_pri(&t->d, true);
}

static void expect_record(T30 *t, const Row *row, Kind kind, bool recorded)
{
    bool pasid = kind != UNTRANSLATED && kind != TRANSLATION &&
                 kind != TRANSLATED;
    SvaFault f;

    if (!recorded) {
        vtd_expect_no_fault(t->s);
        return;
    }
    if (!vtd_fault_next(t->s, &f)) {
        g_test_message("no fault recorded");
        g_assert_not_reached();
    }
    g_assert_cmphex(f.reason, ==, row->reason);
    g_assert_cmphex(f.sid, ==, SID0);
    g_assert_cmphex(f.pasid, ==, pasid ? t->pasid : NO_PASID);
    g_assert_cmphex(f.addr, ==, FI(kind == TRANSLATED ||
                                   kind == TRANSLATED_PASID ? t->raw :
                                   t->iova));
    switch (kind) {
    case REQUEST:
    case REQUEST_SILENT:
        g_assert_false(f.t1);
        g_assert_true(f.t2);
        break;
    case UNTRANSLATED:
    case UNTRANSLATED_PASID:
        g_assert_cmpuint(f.at, ==, 0);
        g_assert_cmpuint(f.t1, ==, !(t->how & A_WRITE));
        g_assert_cmpuint(f.t2, ==, !!(t->how & A_ATOMIC));
        break;
    case TRANSLATION:
    case TRANSLATION_PASID:
        g_assert_cmpuint(f.at, ==, 1);
        break;
    default:
        g_assert_cmpuint(f.at, ==, 2);
    }
    vtd_expect_no_fault(t->s);
}

static void memory_request(T30 *t, Kind kind, End end)
{
    bool raw = kind == TRANSLATED || kind == TRANSLATED_PASID;
    bool pasid = kind == UNTRANSLATED_PASID || kind == TRANSLATED_PASID;

    g_assert_cmpuint(end, ==, UR);
    g_assert_false(sva_access(&t->d, pasid ? t->pasid : NO_PASID,
                              raw ? t->raw : t->iova,
                              t->how | (raw ? A_RAW : 0)));
    g_assert_cmphex(sva_read64(t->s, t->data), ==, MAGIC);
}

/* Effective permission: what the tables still grant of reading and writing */
static uint32_t effective(const Row *row)
{
    return row->make == sss_absent ? 0 :
           row->make == ss_no_read ? SVATEST_DET_WRITE : SVATEST_DET_READ;
}

static void translation_request(T30 *t, const Row *row, Kind kind, End end)
{
    unsigned aux = SVATEST_AUX_READ |
                   (t->how & A_EXEC ? SVATEST_AUX_EXEC : SVATEST_AUX_WRITE);
    SvaResult r;

    r = sva_xlate(&t->d, kind == TRANSLATION_PASID ? t->pasid : NO_PASID,
                  t->iova, aux, t->how & A_PRIV ? SVATEST_F_PRIV : 0);
    if (end == UR || end == CA) {
        g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
        g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==,
                         end == UR ? SVATEST_REASON_UR : SVATEST_REASON_CA);
        return;
    }
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail & SVATEST_DET_U, ==, 0);
    g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, 12);
    g_assert_cmphex(r.detail & RIGHTS, ==, end == SE ? effective(row) : 0);
}

static void page_request(T30 *t, Kind kind)
{
    bool answered = kind == REQUEST;
    uint64_t before = sva_dev_counter(&t->d, SVATEST_CNT_UNIT_AUTO_RESPONSES);
    SvaResult r = sva_run(&t->d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .src = t->iova, .length = 1,
        .pasid = sva_desc_pasid(t->pasid),
        .aux = SVATEST_PR_READ |
               (answered ? SVATEST_PR_LAST | SVATEST_PR_WAIT : 0),
    });

    g_assert_cmphex(r.status, ==, answered ? SVATEST_ST_PAGE_INVALID :
                    SVATEST_ST_OK);
    g_assert_cmpuint(sva_dev_counter(&t->d, SVATEST_CNT_UNIT_AUTO_RESPONSES),
                     ==, before + answered);
    g_assert_cmpuint(vtd_pq_count(t->s), ==, 0);
    g_assert_cmphex(vtd_readl(t->s, VTD_PRS), ==, 0);
}

static void request(T30 *t, const Row *row, Kind kind, bool fpd)
{
    End end = end_of(row, kind);

    switch (kind) {
    case TRANSLATION:
    case TRANSLATION_PASID:
        translation_request(t, row, kind, end);
        break;
    case REQUEST:
    case REQUEST_SILENT:
        page_request(t, kind);
        break;
    default:
        memory_request(t, kind, end);
    }
    expect_record(t, row, kind, end != S0 && end != SE &&
                  !(fpd && row->qualified));
}

typedef struct Case {
    const Row *row;
    Kind kind;
} Case;

static void row_of_version(const Row *row, Kind kind, unsigned version)
{
    T30 t = { .pasid = PASID };

    t30_start(&t, row, version);
    row->make(&t);
    t30_go(&t);
    request(&t, row, kind, false);
    /* Before the context entry was read nothing can be qualified. */
    if (row->make != root_hole && row->make != ctx_hole) {
        sva_set_bits(t.s, t.ctx, CTX_FPD);
        t30_go(&t);
        request(&t, row, kind, true);
    }
    sva_quit(t.s);
}

static void row_case(const void *opaque)
{
    static const unsigned versions[] = { 6, 8 };
    const Case *c = opaque;
    unsigned i, done = 0;

    for (i = 0; i < ARRAY_SIZE(versions); i++) {
        if (versions[i] >= c->row->from &&
            (!c->row->to || versions[i] <= c->row->to)) {
            row_of_version(c->row, c->kind, versions[i]);
            done++;
        }
    }
    g_assert_cmpuint(done, >, 0);
}

/* The three tables of PASIDs have an FPD each, with the same effect (7.1.1). */
typedef struct Silence {
    const char *name;
    const char *code;
    bool dir;
} Silence;

static const Silence silences[] = {
    { "directory/SPD.2", "SPD.2", true },
    { "directory/SPD.3", "SPD.3", true },
    { "directory/SPT.1", "SPT.1", true },
    { "directory/SPT.2", "SPT.2", true },
    { "directory/SPT.4.2", "SPT.4.2", true },
    { "directory/SFS.2", "SFS.2", true },
    { "entry/SPT.2", "SPT.2", false },
    { "entry/SPT.3", "SPT.3", false },
    { "entry/SPT.4.2", "SPT.4.2", false },
    { "entry/SFS.2", "SFS.2", false },
    { "entry/SFS.10", "SFS.10", false },
    { "entry/SSS.3", "SSS.3", false },
    { "entry/SGN.6", "SGN.6/second", false },
};

static void silence_case(const void *opaque)
{
    const Silence *f = opaque;
    const Row *row = rows;
    T30 t = { .pasid = PASID };

    while (strcmp(row->code, f->code)) {
        row++;
    }
    t30_start(&t, row, 6);
    if (f->dir) {
        set_dir(&t, 0, PE_FPD);
    } else {
        set_pe(&t, 0, 0, PE_FPD);
    }
    row->make(&t);
    t30_go(&t);
    request(&t, row, UNTRANSLATED_PASID, true);
    request(&t, row, UNTRANSLATED, true);
    sva_quit(t.s);
}

/*
 * S.1 and S.2, which are no faults. SGN.8.2 names an S.3 for pass-through with
 * a PASID, too, which the table does not have; the answer without right is what
 * S.2 gives.
 */
static void test_special(void)
{
    T30 t = { .pasid = PASID };
    SvaResult r;

    t30_start(&t, &(Row) { .mode = PASS }, 6);
    t30_go(&t);
    r = sva_xlate(&t.d, NO_PASID, MSI + 0x5000, SVATEST_AUX_WRITE, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail & (RIGHTS | SVATEST_DET_U), ==,
                    SVATEST_DET_WRITE | SVATEST_DET_U);
    g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, 12);
    r = sva_xlate(&t.d, NO_PASID, MSI + 0x5000, SVATEST_AUX_READ,
                  SVATEST_F_NO_WRITE);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail & (RIGHTS | SVATEST_DET_U), ==, 0);
    g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, 12);
    r = sva_xlate(&t.d, PASID, MSI + 0x5000, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    g_assert_cmphex(r.detail & (RIGHTS | SVATEST_DET_U), ==, 0);
    g_assert_cmpuint(SVATEST_DET_SIZE_LG2(r.detail), ==, 12);
    vtd_expect_no_fault(t.s);
    sva_quit(t.s);
}

int main(int argc, char **argv)
{
    static Case cases[ARRAY_SIZE(rows) * KINDS];
    unsigned i, kind, n = 0;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_assert_true(!rows[i].make == !!rows[i].unreachable);
        for (kind = 0; kind < KINDS && rows[i].make; kind++) {
            g_autofree char *path = g_strdup_printf("/svatest/table30/%s/%s",
                                                    rows[i].code, kinds[kind]);

            if (end_of(&rows[i], kind) == NA) {
                continue;
            }
            cases[n] = (Case) { &rows[i], kind };
            qtest_add_data_func(path, &cases[n++], row_case);
        }
    }
    SVA_ADD_TABLE("table30/fpd", silences, silence_case);
    qtest_add_func("/svatest/table30/special", test_special);
    return g_test_run();
}
