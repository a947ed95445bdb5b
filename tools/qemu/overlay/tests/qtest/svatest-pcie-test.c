/*
 * svatest: what PCI Express asks of an endpoint with PASIDs and ATS
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules of the PCI Express Base Specification, chapter 10 (ATS) and the
 * capabilities in 7.8.9 (PASID), 7.9.10 (ATS).
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define OTHER   ENV_OTHER
#define IOVA    ENV_IOVA

#define PASID_ENABLE    1
#define PASID_EXECUTE   2
#define PASID_PRIV      4

typedef SvaEnv Env;

static void ats_control(SvaDev *d, uint16_t value)
{
    sva_cfg_writew(d->s, d->sid, sva_ext_cap(d->s, d->sid, CAP_ATS) + 6,
                   value);
}

/* Nothing but the request: what comes of it is what is tested. */
static SvaResult xlate_at(SvaDev *d, uint64_t addr)
{
    return sva_run(d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_XLATE, .pasid = sva_desc_pasid(PASID),
        .src = addr, .aux = SVATEST_AUX_READ,
    });
}

static void expect_refused(SvaResult r, unsigned reason)
{
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, reason);
}

static uint64_t cached(SvaDev *d)
{
    SvaResult r = sva_run(d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_ATC_DUMP,
    });

    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
    return r.result;
}

/* Translated requests */

/* Block them: a translation may be cached, but ATS is no longer permitted. */
static void block(Env *e)
{
    sva_clear_bits(e->s, vtd_context_at(e->s, SID0), CTX_DTE | CTX_PRE);
    vtd_flush_all(e->s);
}

/* The address is that of no address space: no PASID, no mode, no fetch. */
static void test_no_pasid(void)
{
    struct svatest_desc desc = {
        .op_flags = SVATEST_OP_READ | SVATEST_F_PRIV,
        .pasid = sva_desc_pasid(PASID), .src = IOVA, .length = 8,
    };
    Env e = { };
    SvaFault f;

    sva_env_start(&e, "", "");
    e.entry.q[2] |= PE_SRE;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    vtd_flush_all(e.s);
    g_assert_cmphex(sva_run(&e.d, &desc).status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_TRANSLATIONS), ==, 1);
    block(&e);
    expect_refused(sva_run(&e.d, &desc), SVATEST_REASON_BLOCKED);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_TRANSLATIONS), ==, 1);
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmpuint(f.at, ==, 2);
    g_assert_cmphex(f.pasid, ==, NO_PASID);
    g_assert_false(f.priv);
    g_assert_false(f.exe);
    sva_quit(e.s);
}

/* A trusted channel can break that rule. */
static void test_raw_pasid(void)
{
    Env e = { };
    SvaFault f;

    sva_env_start(&e, "", "");
    block(&e);
    g_assert_false(sva_access(&e.d, PASID, e.old, A_READ | A_RAW));
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmpuint(f.at, ==, 2);
    g_assert_cmphex(f.pasid, ==, PASID);
    g_assert_false(sva_access(&e.d, NO_PASID, e.old, A_READ | A_RAW));
    g_assert_true(vtd_fault_next(e.s, &f));
    g_assert_cmphex(f.pasid, ==, NO_PASID);
    sva_quit(e.s);
}

/* Completion status of translation requests */

/* Unsupported Request: no ATS until it is disabled and enabled. */
static void test_unsupported(void)
{
    Env e = { };

    sva_env_start_pri(&e, "");
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    g_assert_cmpuint(cached(&e.d), ==, 1);
    vtd_gcmd(e.s, GSTS_TE, false);
    expect_refused(xlate_at(&e.d, IOVA), SVATEST_REASON_UR);
    vtd_gcmd(e.s, GSTS_TE, true);
    g_assert_cmpuint(cached(&e.d), ==, 0);
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    expect_refused(xlate_at(&e.d, IOVA), SVATEST_REASON_DISABLED);
    /* Memory is reached by untranslated requests, which ask for no page. */
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    expect_refused(sva_env_touch(&e, IOVA + 0x10000, 1, 0),
                   SVATEST_REASON_BLOCKED);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_TRANSLATIONS), ==, 0);
    /* An invalidation is answered. */
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS) & FSTS_ITE, ==, 0);
    /* The control still says enabled; saying it again enables nothing. */
    ats_control(&e.d, ATS_ENABLE);
    expect_refused(xlate_at(&e.d, IOVA), SVATEST_REASON_DISABLED);
    ats_control(&e.d, 0);
    ats_control(&e.d, ATS_ENABLE);
    g_assert_cmphex(xlate_at(&e.d, IOVA).status, ==, SVATEST_ST_OK);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    g_assert_cmpuint(cached(&e.d), ==, 1);
    sva_quit(e.s);
}

/* By whatever command it comes; a function level reset ends it. */
static void test_unsupported_access(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    vtd_gcmd(e.s, GSTS_TE, false);
    expect_refused(sva_env_touch(&e, IOVA, 1, 0), SVATEST_REASON_UR);
    vtd_gcmd(e.s, GSTS_TE, true);
    g_assert_cmphex(sva_env_touch(&e, IOVA, 1, 0).status, ==, SVATEST_ST_OK);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_TRANSLATIONS), ==, 1);
    sva_dev_writel(&e.d, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
    sva_dev_start(&e.d);
    expect_refused(xlate_at(&e.d, IOVA), SVATEST_REASON_DISABLED);
    sva_dev_flr(&e.d);
    sva_dev_start(&e.d);
    sva_dev_pasid(&e.d, true);
    sva_dev_ats(&e.d, true);
    g_assert_cmphex(xlate_at(&e.d, IOVA).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

/* Completer Abort is an error of this one request. */
static void test_aborted(void)
{
    Env e = { };

    sva_env_start(&e, "", "");
    sva_env_map(&e, IOVA + MiB2);
    g_assert_cmphex(sva_peek(&e.d, PASID, IOVA, A_ATS), ==, ENV_OLD);
    /* The other page is where messages go. */
    sva_write64(e.s, vtd_slot(&e.fs, IOVA + MiB2, 1), 0xfee00000 | FS_ALL);
    expect_refused(xlate_at(&e.d, IOVA + MiB2), SVATEST_REASON_CA);
    g_assert_cmpuint(cached(&e.d), ==, 1);
    g_assert_cmphex(xlate_at(&e.d, IOVA).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

/*
 * PASID Control: what may be asked for with a PASID. What the device may ask
 * the unit still refuses if it is to execute (ECAP.ERS=0).
 */

typedef struct Mode {
    const char *name;
    uint16_t control;
    unsigned how;
    bool good;
} Mode;

static const Mode modes[] = {
    { "plain", PASID_ENABLE, 0, true },
    { "execute", PASID_ENABLE | PASID_EXECUTE, A_EXEC, true },
    { "execute-off", PASID_ENABLE | PASID_PRIV, A_EXEC, false },
    { "privileged", PASID_ENABLE | PASID_PRIV, A_PRIV, true },
    { "privileged-off", PASID_ENABLE | PASID_EXECUTE, A_PRIV, false },
    { "both", PASID_ENABLE | PASID_EXECUTE | PASID_PRIV, A_EXEC | A_PRIV,
      true },
    { "without-pasid", PASID_EXECUTE | PASID_PRIV, A_EXEC | A_PRIV, false },
};

static void mode_case(const void *opaque)
{
    const Mode *m = opaque;
    uint32_t flags = (m->how & A_EXEC ? SVATEST_F_EXEC : 0) |
                     (m->how & A_PRIV ? SVATEST_F_PRIV : 0);
    Env e = { };

    sva_env_start(&e, "", "");
    e.entry.q[2] |= PE_SRE;
    vtd_bind(e.s, SID0, PASID, &e.entry);
    vtd_flush_all(e.s);
    sva_cfg_writew(e.s, SID0, sva_ext_cap(e.s, SID0, CAP_PASID) + 6,
                   m->control);
    for (int i = 0; i < 3; i++) {
        SvaResult r = i == 2 ? sva_xlate(&e.d, PASID, IOVA, SVATEST_AUX_READ,
                                         flags) :
                      sva_env_touch(&e, IOVA, 1,
                                    flags | (i ? SVATEST_F_UNTRANSLATED : 0));

        if (!m->good) {
            expect_refused(r, SVATEST_REASON_DISABLED);
        } else if (!(m->how & A_EXEC)) {
            g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
        } else if (i == 0) {
            g_assert_cmphex(r.status, ==, SVATEST_ST_NO_RIGHT);
        } else if (i == 1) {
            SvaFault f;

            expect_refused(r, SVATEST_REASON_BLOCKED);
            g_assert_true(vtd_fault_next(e.s, &f));
            g_assert_cmphex(f.reason, ==, 0x5c);
        } else {
            g_assert_cmphex(r.detail & SVATEST_DET_READ, ==, 0);
        }
    }
    /* Only reads are fetches. */
    if ((m->control & PASID_ENABLE) && m->how == A_EXEC) {
        g_assert_true(sva_access(&e.d, PASID, IOVA, A_WRITE | A_EXEC));
    }
    /* The bits travel with the PASID: without one there is nothing to ask. */
    g_assert_true(sva_access(&e.d, NO_PASID, IOVA, A_READ | m->how));
    g_assert_true(sva_access(&e.d, NO_PASID, IOVA, A_READ | A_ATS | m->how));
    vtd_expect_no_fault(e.s);
    sva_quit(e.s);
}

/* What the capability does not have cannot be enabled. */
static void test_mode_capability(void)
{
    unsigned cap;
    Env e = { };

    sva_env_start(&e, "", ",cap-exec=off,cap-priv=off");
    cap = sva_ext_cap(e.s, SID0, CAP_PASID);
    sva_cfg_writew(e.s, SID0, cap + 6, 0xffff);
    g_assert_cmphex(sva_cfg_readw(e.s, SID0, cap + 6), ==, PASID_ENABLE);
    expect_refused(sva_env_touch(&e, IOVA, 1, SVATEST_F_EXEC),
                   SVATEST_REASON_DISABLED);
    expect_refused(sva_env_touch(&e, IOVA, 1, SVATEST_F_PRIV),
                   SVATEST_REASON_DISABLED);
    sva_quit(e.s);
}

/* Smallest Translation Unit */

/* A translation of less is not used. */
static void test_unit_small(void)
{
    uint64_t even = IOVA + KiB4;
    Env e = { };

    sva_env_start_pri(&e, "");
    sva_env_map(&e, even);
    ats_control(&e.d, ATS_ENABLE | 1);
    for (int i = 0; i < 2; i++) {
        uint64_t addr = even + i * KiB4;

        expect_refused(xlate_at(&e.d, addr), SVATEST_REASON_SIZE);
        expect_refused(sva_env_touch(&e, addr, 1, 0), SVATEST_REASON_SIZE);
        expect_refused(sva_env_run(&e, (struct svatest_desc) {
            .op_flags = SVATEST_OP_PREFETCH, .src = addr, .length = KiB4,
        }), SVATEST_REASON_SIZE);
    }
    /* Nothing at the start of the unit: it is asked for. */
    g_assert_cmphex(SVATEST_DET_READ & xlate_at(&e.d, IOVA).detail, ==, 0);
    g_assert_cmphex(sva_env_run(&e, (struct svatest_desc) {
        .op_flags = SVATEST_OP_PREFETCH, .src = IOVA, .length = KiB4,
    }).result, ==, 0);
    g_assert_cmpuint(cached(&e.d), ==, 0);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    vtd_expect_no_fault(e.s);
    ats_control(&e.d, ATS_ENABLE);
    g_assert_cmphex(xlate_at(&e.d, IOVA).status, ==, SVATEST_ST_OK);
    sva_quit(e.s);
}

/* A page of two megabytes in units of up to that size */
static void test_unit_large(void)
{
    uint64_t page, iova = 0x7a0000000000ull;
    Env e = { };

    sva_env_start(&e, "", "");
    page = sva_pages(e.s, MiB2, MiB2);
    sva_write64(e.s, page + 0x123000, ENV_NEW);
    vtd_map(&e.fs, iova, page, FS_ALL, 2);
    for (int stu = 0; stu <= 9; stu++) {
        SvaResult r;

        ats_control(&e.d, 0);
        ats_control(&e.d, ATS_ENABLE | stu);
        r = xlate_at(&e.d, iova + 0x123008);
        g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
        g_assert_cmphex(r.result, ==, page + 0x123008);
        g_assert_cmphex(sva_peek(&e.d, PASID, iova + 0x123000, A_ATS), ==,
                        ENV_NEW);
        g_assert_cmpuint(cached(&e.d), ==, 1);
    }
    ats_control(&e.d, ATS_ENABLE | 10);
    expect_refused(xlate_at(&e.d, iova + 0x123008), SVATEST_REASON_SIZE);
    sva_quit(e.s);
}

/* Requests begin where a unit begins: pages where messages go tell where. */
static void test_unit_alignment(void)
{
    uint64_t addr = IOVA + 0x2000;
    Env e = { };

    sva_env_start(&e, "", "");
    for (uint64_t at = addr & ~0x7fffull; at <= addr; at += KiB4) {
        vtd_map(&e.fs, at, 0xfee00000, FS_ALL, 1);
    }
    for (int stu = 0; stu < 4; stu++) {
        SvaFault f;

        ats_control(&e.d, ATS_ENABLE | stu);
        expect_refused(xlate_at(&e.d, addr), SVATEST_REASON_CA);
        g_assert_true(vtd_fault_next(e.s, &f));
        g_assert_cmphex(f.addr, ==, addr & -(KiB4 << stu));
    }
    sva_quit(e.s);
}

/* Global Invalidate */

static void test_global(const void *opaque)
{
    bool advertised = GPOINTER_TO_INT(opaque);
    Env e = { };

    sva_env_start(&e, "", advertised ? "" : ",ats-global=off");
    g_assert_cmphex(sva_cfg_readw(e.s, SID0,
                                  sva_ext_cap(e.s, SID0, CAP_ATS) + 4) & 0x40,
                    ==, advertised ? 0x40 : 0);
    sva_dev_writel(&e.d, SVATEST_K_CLEAR, 1);
    for (int i = 0; i < 3; i++) {
        g_assert_true(sva_access(&e.d, i == 0 ? PASID : i == 1 ? OTHER :
                                 NO_PASID, IOVA, A_READ | A_ATS));
    }
    g_assert_cmpuint(cached(&e.d), ==, 3);
    vtd_iq(e.s, vtd_pdev_q0(SID0, SID0, PASID), IOVA | 1);
    g_assert_true(vtd_wait(e.s));
    /* Not advertised: the bit is ignored, the PASID is not. */
    g_assert_cmpuint(cached(&e.d), ==, advertised ? 1 : 2);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_INV_GLOBAL), ==,
                     advertised);
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_INV_PAGE), ==, !advertised);
    g_assert_true(sva_access(&e.d, OTHER, IOVA, A_READ | A_ATS));
    g_assert_cmpuint(sva_env_count(&e, SVATEST_CNT_ATC_HITS), ==, !advertised);
    sva_quit(e.s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

#define ADD(name, fn) qtest_add_func("/svatest/pcie/" name, fn)
    ADD("translated/no-pasid", test_no_pasid);
    ADD("translated/raw", test_raw_pasid);
    ADD("status/unsupported", test_unsupported);
    ADD("status/unsupported-access", test_unsupported_access);
    ADD("status/aborted", test_aborted);
    SVA_ADD_TABLE("pcie/mode", modes, mode_case);
    ADD("mode-capability", test_mode_capability);
    ADD("unit/small", test_unit_small);
    ADD("unit/large", test_unit_large);
    ADD("unit/alignment", test_unit_alignment);
    qtest_add_data_func("/svatest/pcie/global/on", GINT_TO_POINTER(true),
                        test_global);
    qtest_add_data_func("/svatest/pcie/global/off", GINT_TO_POINTER(false),
                        test_global);
    return g_test_run();
}
