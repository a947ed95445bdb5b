/*
 * Capabilities, properties that are refused, and the unit without x-nested
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

typedef struct Registers {
    const char *name;
    const char *args;
    uint64_t cap, ecap;     /* 0: not compared */
} Registers;

static const Registers registers[] = {
    { "nested", SVA_UNIT, 0x81d2078c226f0606, 0x0413ef9aa4f00f5f },
    { "hosts", SVA_UNIT ",caching-mode=on", 0x81d2078c226f0686,
      0x00138f98a0f00f5f & ~(1ull << 31) },
    { "nested/five-levels", SVA_UNIT ",x-fs5lp=on", 0x91d2078c226f0606,
      0x0413ef9aa4f00f5f },
    { "stock/first-stage",
      "-device intel-iommu,x-scalable-mode=on,x-flts=on",
      0, 0x880000f00f4a },
    { "stock/pasid",
      "-device intel-iommu,x-scalable-mode=on,x-flts=on,eim=on,"
      "x-pasid-mode=on", 0x1d2008c222f0606, 0x890000f00f5a },
    { "stock/second-stage",
      "-device intel-iommu,x-scalable-mode=on,x-flts=off,device-iotlb=on,"
      "eim=on", 0, 0x480080f00f5e },
    { "stock/device-tlb",
      "-device intel-iommu,x-scalable-mode=on,x-flts=on,device-iotlb=on,"
      "eim=on", 0, 0x880000f00f5e },
};

static void registers_case(const void *opaque)
{
    const Registers *r = opaque;
    Sva *s = sva_start(r->args);

    if (r->cap) {
        g_assert_cmphex(vtd_readq(s, VTD_CAP), ==, r->cap);
    }
    g_assert_cmphex(vtd_readq(s, VTD_ECAP), ==, r->ecap);
    sva_quit(s);
}

/* Without the property there are none of our registers. */
static void test_stock_registers(void)
{
    Sva *s = sva_start("-device intel-iommu,x-scalable-mode=on,x-flts=on");

    vtd_writeq(s, VTD_PQA, 0x100000);
    g_assert_cmphex(vtd_readq(s, VTD_PQA), ==, 0);
    g_assert_cmphex(vtd_readl(s, VTD_PECTL), ==, 0);
    sva_quit(s);
}

/* Without a unit that serves it the device is an ordinary one. */
static void test_device_without_unit(void)
{
    Sva *s = sva_start("-device svatest,addr=4");
    uint64_t page = sva_page(s);
    SvaDev d;

    sva_dev_init(&d, s, SID0);
    g_assert_false(sva_dev_readl(&d, SVATEST_R_FEATURES) & SVATEST_FEAT_UNIT);
    sva_write64(s, page, 0x1234567890abcdef);
    g_assert_cmphex(sva_peek(&d, NO_PASID, page, A_READ), ==,
                    0x1234567890abcdef);
    sva_quit(s);
}

/* Nor with a unit that does not. */
static void test_device_under_stock_unit(void)
{
    Sva *s = sva_start("-device intel-iommu,x-scalable-mode=on,x-flts=on "
                       "-device svatest,addr=4");
    uint64_t page = sva_page(s);
    SvaTable ss;
    SvaResult r;
    SvaFault f;
    SvaDev d;

    sva_dev_init(&d, s, SID0);
    sva_dev_pasid(&d, true);
    sva_dev_ats(&d, true);
    g_assert_false(sva_dev_readl(&d, SVATEST_R_FEATURES) & SVATEST_FEAT_UNIT);
    sva_write64(s, page, 0x1234567890abcdef);
    g_assert_cmphex(sva_peek(&d, NO_PASID, page, 0), ==, 0x1234567890abcdef);
    g_assert_cmphex(sva_peek(&d, NO_PASID, page, A_ATS), ==,
                    0x1234567890abcdef);
    r = sva_xlate(&d, 5, page, SVATEST_AUX_READ, 0);
    g_assert_cmphex(r.status, ==, SVATEST_ST_ACCESS);
    g_assert_cmpuint(SVATEST_DET_REASON(r.detail), ==,
                     SVATEST_REASON_NO_UNIT);
    g_assert_false(sva_access(&d, 5, page, A_READ));
    g_assert_cmpuint(sva_dev_counter(&d, SVATEST_CNT_UNIT_FAULTS), ==, 0);
    g_assert_cmpuint(sva_dev_counter(&d, SVATEST_CNT_UNIT_STALE), ==, 0);
    sva_page_request(&d, 5, page, 1, SVATEST_PR_READ);
    sva_dev_writel(&d, SVATEST_K_INV_DONE, 1);

    /* Legacy tables, translation on: the unit's own code */
    vtd_table(&ss, s, true, 3, NULL);
    vtd_map(&ss, 0x40000000, page, SS_ALL, 1);
    sva_write64(s, s->root, sva_page(s) | 1);
    sva_write64(s, (sva_read64(s, s->root) & ADDR_MASK) + SID0 * 16,
                ss.root | 1);
    sva_write64(s, (sva_read64(s, s->root) & ADDR_MASK) + SID0 * 16 + 8,
                3 << 8 | 1);
    vtd_set_root(s, TTM_LEGACY);
    vtd_gcmd(s, GSTS_TE, true);
    g_assert_cmphex(sva_peek(&d, NO_PASID, 0x40000000, 0), ==,
                    0x1234567890abcdef);
    g_assert_false(sva_access(&d, NO_PASID, 0x50000000, A_READ));
    g_assert_true(vtd_fault_next(s, &f));
    g_assert_cmphex(f.sid, ==, SID0);
    qtest_system_reset(s->qts);
    g_assert_cmphex(vtd_readl(s, VTD_GSTS), ==, 0);
    sva_quit(s);
}

/* A wrong combination ends QEMU with one sentence, and the right one. */
typedef struct Refusal {
    const char *name;
    const char *args;
    const char *text;
} Refusal;

#define NEED_NESTED "x-check-stale, x-walk-cache, x-cache-size, x-fs5lp, " \
                    "x-version, prq-delay-us and inv-timeout-ms need " \
                    "x-nested=on"
#define BOTH_STAGES "x-nested=on brings both stages and PASIDs: leave " \
                    "x-flts and x-pasid-mode off"
#define NO_SNOOP    "x-nested=on cannot be combined with snoop-control or " \
                    "stale-tm"
#define WIDTH       "x-nested=on needs dma-translation=on and aw-bits=48"
#define VERSIONS    "x-version must be from 6 to 8"
#define SLICE       "slice-bytes must be 1 to 1048576"
#define ENTRIES     "atc-entries must be 1 to 1048576"
#define CHANNELS    "channels must be 1 to 8"

static const Refusal refusals[] = {
    { "nested-without-scalable", "-device intel-iommu,x-nested=on",
      "x-nested=on needs x-scalable-mode=on" },
    { "delay-without-nested",
      "-device intel-iommu,x-scalable-mode=on,prq-delay-us=5", NEED_NESTED },
    { "cache-without-nested",
      "-device intel-iommu,x-scalable-mode=on,x-cache-size=0", NEED_NESTED },
    { "version-without-nested",
      "-device intel-iommu,x-scalable-mode=on,x-version=8", NEED_NESTED },
    { "version-old", SVA_UNIT ",x-version=5", VERSIONS },
    { "version-unknown", SVA_UNIT ",x-version=9", VERSIONS },
    { "stale-without-nested",
      "-device intel-iommu,x-scalable-mode=on,x-check-stale=on",
      NEED_NESTED },
    { "walk-cache-without-nested",
      "-device intel-iommu,x-scalable-mode=on,x-walk-cache=on", NEED_NESTED },
    { "levels-without-nested",
      "-device intel-iommu,x-scalable-mode=on,x-fs5lp=on", NEED_NESTED },
    { "time-out-without-nested",
      "-device intel-iommu,x-scalable-mode=on,inv-timeout-ms=7",
      NEED_NESTED },
    { "time-out-none", SVA_UNIT ",inv-timeout-ms=0",
      "inv-timeout-ms must be at least 1" },
    { "first-stage", SVA_UNIT ",x-flts=on", BOTH_STAGES },
    { "pasid-mode", "-device intel-iommu,x-scalable-mode=on,x-nested=on,"
      "x-pasid-mode=on", BOTH_STAGES },
    { "snoop-control", SVA_UNIT ",snoop-control=on", NO_SNOOP },
    { "stale-tm", SVA_UNIT ",stale-tm=on", NO_SNOOP },
    { "no-translation", SVA_UNIT ",dma-translation=off", WIDTH },
    { "no-large-pages", SVA_UNIT ",fs1gp=off",
      "x-nested=on needs fs1gp=on, unless caching-mode=on" },
    { "width", SVA_UNIT ",aw-bits=39", WIDTH },
    { "slice-none", "-device svatest,slice-bytes=0", SLICE },
    { "slice-large", "-device svatest,slice-bytes=1048577", SLICE },
    { "cache-large", "-device svatest,atc-entries=1048577", ENTRIES },
    { "queue-depth", "-device svatest,ats-queue-depth=32",
      "ats-queue-depth must be 0 to 31, 0 means 32" },
    { "requests-without-ats", "-device svatest,ats=off",
      "pri=on needs ats=on" },
    { "virtual-of-function-1",
      "-device svatest,addr=4.0,multifunction=on "
      "-device svatest,addr=4.1,sriov-vfs=1",
      "sriov-vfs needs function 0 of its slot" },
    { "acs-alone", "-device svatest,acs=on", "acs=on needs multifunction=on" },
    { "conventional-bus", "-device pci-bridge,id=b,chassis_nr=1 "
      "-device svatest,bus=b,addr=1", "svatest needs a PCI Express bus" },
    { "pasid-bits", "-device svatest,pasid-bits=21",
      "pasid-bits must be 0 to 20" },
    { "channels-none", "-device svatest,channels=0", CHANNELS },
    { "channels-many", "-device svatest,channels=9", CHANNELS },
    { "virtual-functions", "-device svatest,sriov-vfs=8",
      "sriov-vfs must be 0 to 7" },
    { "cache-none", "-device svatest,atc-entries=0", ENTRIES },
};

static void refusal_case(const void *opaque)
{
    const Refusal *r = opaque;
    g_autofree char *err = sva_refused(r->args);
    g_autofree char *end = g_strdup_printf(": %s\n", r->text);
    char *said;

    /* Warnings of images not installed and of the sanitizers come first. */
    said = strstr(err, ": -device ");
    g_assert_nonnull(said);
    g_assert_true(strchr(said, '\n') == said + strlen(said) - 1);
    g_assert_true(g_str_has_suffix(said, end));
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(registers); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/config/registers/%s",
                                                registers[i].name);
        qtest_add_data_func(path, &registers[i], registers_case);
    }
    for (i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/svatest/config/refused/%s",
                                                refusals[i].name);
        qtest_add_data_func(path, &refusals[i], refusal_case);
    }
    qtest_add_func("/svatest/config/stock/page-request-registers",
                   test_stock_registers);
    qtest_add_func("/svatest/config/device-under-stock-unit",
                   test_device_under_stock_unit);
    qtest_add_func("/svatest/config/device-without-unit",
                   test_device_without_unit);
    return g_test_run();
}
