/*
 * svatest with virtual functions: 00:04.1 and on, behind the physical one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define PASID   ENV_PASID
#define IOVA    ENV_IOVA
#define MISSING (ENV_IOVA + 0x10000)

typedef SvaEnv Env;

/* Function level reset; memory space stays as the physical one has it */
static void reset(SvaDev *vf)
{
    sva_cfg_writew(vf->s, vf->sid, sva_cap(vf->s, vf->sid, CAP_PCIE) + 8,
                   0x8000);
    sva_cfg_writew(vf->s, vf->sid, 4, 6);
}

static void vf_start_props(Env *e, SvaDev *vf, unsigned count,
                           const char *props)
{
    g_autofree char *dev = g_strdup_printf(",multifunction=on,sriov-vfs=3%s",
                                           props);
    uint64_t bar[6];
    unsigned cap;
    int i;

    sva_env_start(e, "", dev);
    sva_dev_pri(&e->d, true);
    cap = sva_ext_cap(e->s, SID0, CAP_SRIOV);
    g_assert_cmpuint(cap, !=, 0);
    g_assert_cmphex(sva_cfg_readl(e->s, SID0, cap + 0x0c), ==, 3 << 16 | 3);
    g_assert_cmphex(sva_cfg_readl(e->s, SID0, cap + 0x14), ==, 1 << 16 | 1);
    g_assert_cmphex(sva_cfg_readw(e->s, SID0, cap + 0x1a), ==, 0x11f6);
    sva_cfg_writew(e->s, SID0, cap + 0x10, count);
    sva_assign_bars(e->s, SID0, cap + 0x24, bar);
    sva_cfg_writew(e->s, SID0, cap + 0x08, 0x9);    /* enable, memory */
    for (i = 0; i < (int)count; i++) {
        int b;

        vf[i].s = e->s;
        vf[i].sid = SID0 + 1 + i;
        for (b = 0; b < 6; b += 2) {
            unsigned size = b == SVATEST_BAR_REGS ? SVATEST_REGS_SIZE :
                            b == SVATEST_BAR_MEM ? SVATEST_MEM_SIZE :
                            SVATEST_MSIX_SIZE;

            vf[i].bar[b] = bar[b] + i * size;
        }
        sva_dev_start(&vf[i]);
        vtd_context(e->s, vf[i].sid, CTX_ALL);
        vtd_bind(e->s, vf[i].sid, PASID, &e->entry);
    }
}

static void vf_start(Env *e, SvaDev *vf, unsigned count)
{
    vf_start_props(e, vf, count, "");
}

/* What the command line says of the device holds for all its functions. */
static void test_vf_properties(void)
{
    SvaDev vf[1];
    Env e = { };
    int i;

    vf_start_props(&e, vf, 1, ",channels=2,atc-entries=1,slice-bytes=4096,"
                   "ats-queue-depth=5,acs=on");
    g_assert_cmpuint(sva_ext_cap(e.s, SID0, CAP_ACS), !=, 0);
    g_assert_cmpuint(sva_ext_cap(e.s, vf[0].sid, CAP_ACS), ==, 0);
    g_assert_cmphex(sva_dev_readl(&vf[0], SVATEST_R_FEATURES), ==,
                    sva_dev_readl(&e.d, SVATEST_R_FEATURES) | SVATEST_FEAT_VF);
    g_assert_cmphex(sva_cfg_readw(e.s, vf[0].sid,
                                  sva_ext_cap(e.s, vf[0].sid, CAP_ATS) + 4),
                    ==, 0x65);
    g_assert_cmpuint(sva_dev_readl(&vf[0], SVATEST_K_SLICE_BYTES), ==, 4096);
    sva_dev_ats(&vf[0], true);
    sva_env_map(&e, MISSING);
    for (i = 0; i < 2; i++) {
        g_assert_true(sva_access(&vf[0], PASID, i ? MISSING : IOVA,
                                 A_READ | A_ATS));
    }
    g_assert_cmpuint(sva_dev_counter(&vf[0], SVATEST_CNT_ATC_EVICTIONS), ==,
                     1);
    sva_quit(e.s);
}

static void vf_xlate(SvaDev *vf, uint64_t addr, unsigned reason)
{
    SvaResult r = sva_run(vf, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_XLATE, .pasid = sva_desc_pasid(PASID),
        .src = addr, .aux = SVATEST_AUX_READ,
    });

    g_assert_cmphex(r.status, ==, reason == SVATEST_REASON_NONE ?
                    SVATEST_ST_OK : SVATEST_ST_ACCESS);
    if (reason != SVATEST_REASON_NONE) {
        g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==, reason);
    }
}

/* ATS: enabled by itself, but the smallest unit is that of the physical one. */
static void test_vf_ats(void)
{
    SvaDev vf[1];
    unsigned cap, pf_cap;
    Env e = { };

    vf_start(&e, vf, 1);
    sva_dev_ats(&vf[0], true);
    cap = sva_ext_cap(e.s, vf[0].sid, CAP_ATS) + 6;
    pf_cap = sva_ext_cap(e.s, SID0, CAP_ATS) + 6;
    sva_cfg_writew(e.s, vf[0].sid, cap, 0xffff);
    g_assert_cmphex(sva_cfg_readw(e.s, vf[0].sid, cap), ==, ATS_ENABLE);
    sva_env_map(&e, IOVA + KiB4);
    vf_xlate(&vf[0], IOVA + KiB4, SVATEST_REASON_NONE);
    sva_cfg_writew(e.s, SID0, pf_cap, 1);
    vf_xlate(&vf[0], IOVA + KiB4, SVATEST_REASON_SIZE);
    /* One of the functions was refused, the others were not. */
    sva_cfg_writew(e.s, SID0, pf_cap, ATS_ENABLE);
    vtd_gcmd(e.s, GSTS_TE, false);
    vf_xlate(&vf[0], IOVA, SVATEST_REASON_UR);
    vtd_gcmd(e.s, GSTS_TE, true);
    vf_xlate(&vf[0], IOVA, SVATEST_REASON_DISABLED);
    vf_xlate(&e.d, IOVA, SVATEST_REASON_NONE);
    g_assert_cmphex(sva_dev_errors(&vf[0]), ==, SVATEST_ERR_ATS);
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

static void test_vf_no_ats(void)
{
    Sva *s = sva_start(SVA_UNIT " -device svatest,addr=4,multifunction=on,"
                       "sriov-vfs=1,ats=off,pri=off");
    unsigned cap = sva_ext_cap(s, SID0, CAP_SRIOV);

    sva_cfg_writew(s, SID0, cap + 0x10, 1);
    sva_cfg_writew(s, SID0, cap + 0x08, 1);
    g_assert_cmpuint(sva_cap(s, SID0 + 1, CAP_PCIE), !=, 0);
    g_assert_cmpuint(sva_ext_cap(s, SID0 + 1, CAP_ATS), ==, 0);
    sva_quit(s);
}

/* Its own interrupts */
static void test_vf_interrupt(void)
{
    SvaDev vf[1];
    Env e = { };

    vf_start(&e, vf, 1);
    sva_dev_msix(&vf[0], 0x70);
    sva_dev_writel(&vf[0], SVATEST_R_CHANNEL(2) + SVATEST_C_VECTOR, 99);
    g_assert_true(sva_vector(e.s, 0x70));
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    sva_quit(e.s);
}

/* Groups of the others outlive the reset of one. */
static void test_vf_reset(void)
{
    SvaDev vf[1];
    Env e = { };

    vf_start(&e, vf, 1);
    sva_page_request(&e.d, PASID, MISSING, 1,
                     SVATEST_PR_READ | SVATEST_PR_LAST | 3);
    sva_page_request(&vf[0], PASID, MISSING, 1,
                     SVATEST_PR_READ | SVATEST_PR_LAST | 4);
    reset(&vf[0]);
    vtd_iq(e.s, vtd_resp_q0(SID0, PASID, 0), vtd_resp_q1(3));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_dev_errors(&e.d), ==, 0);
    vtd_iq(e.s, vtd_resp_q0(vf[0].sid, PASID, 0), vtd_resp_q1(4));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_dev_errors(&vf[0]), ==, SVATEST_ERR_UPRGI);
    sva_quit(e.s);
}

/* The stop of a PASID heeds the groups of its own function only. */
static void test_vf_stop(void)
{
    SvaDev vf[1];
    Env e = { };

    vf_start(&e, vf, 1);
    sva_page_request(&vf[0], PASID, MISSING, 1,
                     SVATEST_PR_READ | SVATEST_PR_LAST);
    sva_dev_writel(&vf[0], SVATEST_R_PASID_STOP, PASID);
    g_assert_cmphex(sva_dev_readl(&vf[0], SVATEST_R_STOP_STATUS), ==,
                    PASID | SVATEST_STOP_BUSY);
    sva_dev_writel(&e.d, SVATEST_R_PASID_STOP, PASID);
    g_assert_cmphex(sva_dev_readl(&e.d, SVATEST_R_STOP_STATUS), ==,
                    PASID | SVATEST_STOP_DONE);
    sva_quit(e.s);
}

static void test_vf(void)
{
    SvaDev vf[2];
    Env e = { };

    vf_start(&e, vf, 2);
    g_assert_cmphex(sva_dev_readl(&vf[0], SVATEST_R_FEATURES), ==,
                    sva_dev_readl(&e.d, SVATEST_R_FEATURES) | SVATEST_FEAT_VF);
    g_assert_cmpuint(sva_ext_cap(e.s, vf[0].sid, CAP_ATS), !=, 0);
    g_assert_cmpuint(sva_ext_cap(e.s, vf[0].sid, CAP_PASID), ==, 0);
    g_assert_cmpuint(sva_ext_cap(e.s, vf[0].sid, CAP_PRI), ==, 0);
    /* A requester id of its own */
    g_assert_cmphex(sva_peek(&vf[1], PASID, IOVA, 0), ==, ENV_OLD);
    vtd_unbind(e.s, vf[1].sid, PASID);
    vtd_flush_all(e.s);
    g_assert_false(sva_access(&vf[1], PASID, IOVA, A_READ));
    vtd_expect_fault(e.s, &(SvaFault) {
        .reason = 0x59, .sid = SID0 + 2, .pasid = PASID, .addr = IOVA,
        .t1 = true,
    });
    g_assert_true(sva_access(&vf[0], PASID, IOVA, A_READ));
    g_assert_true(sva_access(&e.d, PASID, IOVA, A_READ));
    /* The PASID control is that of the physical function. */
    sva_dev_pasid(&e.d, false);
    g_assert_false(sva_access(&vf[0], PASID, IOVA, A_READ));
    vtd_expect_no_fault(e.s);
    /* The third one does not exist. */
    g_assert_cmphex(sva_cfg_readl(e.s, SID0 + 3, 0), ==, UINT32_MAX);
    sva_quit(e.s);
}

/* A cache of its own, and invalidations that name the physical function */
static void test_vf_invalidation(void)
{
    SvaDev vf[2];
    Env e = { };
    int i;

    vf_start(&e, vf, 2);
    for (i = 0; i < 2; i++) {
        sva_dev_ats(&vf[i], true);
        g_assert_cmphex(sva_peek(&vf[i], PASID, IOVA, A_ATS), ==, ENV_OLD);
    }
    sva_write64(e.s, e.leaf, e.new | FS_ALL);
    vtd_iq(e.s, vtd_iotlb_q0(IOTLB_GLOBAL, 0), 0);
    vtd_iq(e.s, vtd_pdev_q0(vf[0].sid, SID0, PASID), IOVA);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_peek(&vf[0], PASID, IOVA, A_ATS), ==, ENV_NEW);
    g_assert_cmphex(sva_peek(&vf[1], PASID, IOVA, A_ATS), ==, ENV_OLD);
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_PFSID), ==, 0);
    /* Its own id in PFSID is wrong, and counted. */
    vtd_iq(e.s, vtd_pdev_q0(vf[1].sid, vf[1].sid, PASID), IOVA);
    g_assert_true(vtd_wait(e.s));
    g_assert_cmpuint(sva_dev_counter(&e.d, SVATEST_CNT_UNIT_PFSID), ==, 1);
    g_assert_cmphex(vtd_readl(e.s, VTD_FSTS), ==, 0);
    sva_quit(e.s);
}

/* Groups and credits are shared, messages carry the sender's id. */
static void test_vf_requests(void)
{
    struct svatest_desc crc = {
        .op_flags = SVATEST_OP_CRC, .pasid = sva_desc_pasid(PASID),
        .src = MISSING, .length = 8,
    };
    unsigned pri, prgi[2];
    uint64_t d[4];
    SvaDev vf[2];
    Env e = { };
    int i;

    vf_start(&e, vf, 2);
    pri = sva_ext_cap(e.s, SID0, CAP_PRI);
    sva_cfg_writel(e.s, SID0, pri + 12, 2);
    for (i = 0; i < 2; i++) {
        unsigned ats = sva_ext_cap(e.s, vf[i].sid, CAP_ATS);

        sva_cfg_writew(e.s, vf[i].sid, ats + 6, 0x8000);
        sva_dev_channel(&vf[i], 0, SVATEST_C_FLAGS, 0);
        sva_dev_channel(&vf[i], 0, SVATEST_C_FLAGS, SVATEST_CF_ENABLE |
                        SVATEST_CF_TRUSTED | SVATEST_CF_ATS | SVATEST_CF_PRI);
        sva_run(&vf[i], &crc);
        g_assert_true(vtd_pq_next(e.s, d));
        g_assert_cmphex(d[0], ==, 1 | 1 << 8 | (uint64_t)PASID << 32 |
                        vf[i].sid << 16);
        prgi[i] = d[1] >> 3 & 0x1ff;
    }
    g_assert_cmpuint(prgi[0], !=, prgi[1]);
    /* No credit is left for the physical function. */
    sva_run(&e.d, &crc);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    /* A response to the wrong one of them */
    vtd_iq(e.s, vtd_resp_q0(vf[1].sid, PASID, 1), vtd_resp_q1(prgi[0]));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_dev_errors(&vf[1]), ==, SVATEST_ERR_UPRGI);
    g_assert_cmphex(sva_result(&vf[0]).status, ==, SVATEST_ST_NONE);
    vtd_iq(e.s, vtd_resp_q0(vf[0].sid, PASID, 1), vtd_resp_q1(prgi[0]));
    g_assert_true(vtd_wait(e.s));
    g_assert_cmphex(sva_result(&vf[0]).status, ==, SVATEST_ST_PAGE_INVALID);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 1);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[0] >> 16 & 0xffff, ==, SID0);
    g_assert_cmphex(sva_result(&vf[1]).status, ==, SVATEST_ST_NONE);
    /* The reset of one gives its credit back; the other one waits on. */
    sva_run(&vf[0], &crc);
    g_assert_cmpuint(vtd_pq_count(e.s), ==, 0);
    reset(&vf[1]);
    g_assert_true(vtd_pq_next(e.s, d));
    g_assert_cmphex(d[0] >> 16 & 0xffff, ==, vf[0].sid);
    sva_quit(e.s);
}

#define ADD(name, fn) qtest_add_func("/svatest/virtual/" name, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("isolation", test_vf);
    ADD("invalidation", test_vf_invalidation);
    ADD("requests", test_vf_requests);
    ADD("properties", test_vf_properties);
    ADD("stop", test_vf_stop);
    ADD("ats", test_vf_ats);
    ADD("no-ats", test_vf_no_ats);
    ADD("interrupt", test_vf_interrupt);
    ADD("reset", test_vf_reset);
    return g_test_run();
}
