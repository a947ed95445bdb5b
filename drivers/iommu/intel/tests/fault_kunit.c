// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: faults
 *
 * The reasons are written down from table 30 (7.1.3) of the specification,
 * revision 5.10, once more and by its rows: what an untranslated request with or
 * without PASID, or a page request, can run into.
 */
#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "../iommu.h"

#define HOST	(-1)		/* not the business of the owner */
#define ENTRY	IOMMU_FAULT_REASON_BAD_PASID_ENTRY
#define FETCH	IOMMU_FAULT_REASON_PASID_FETCH
#define PASID	IOMMU_FAULT_REASON_PASID_INVALID
#define PERM	IOMMU_FAULT_REASON_PERMISSION
#define RANGE	IOMMU_FAULT_REASON_OOR_ADDRESS
#define UNKNOWN	IOMMU_FAULT_REASON_UNKNOWN
#define UNMAPPED IOMMU_FAULT_REASON_PTE_FETCH
#define WALK	IOMMU_FAULT_REASON_WALK_EABT
#define FLAGS	IOMMU_FAULT_REASON_ACCESS

/* Every code that is not here is HOST. */
static const struct {
	u8 code;
	const char *condition;
	int reason;
} table_30[] = {
	{ 0x01, "LRT.2", HOST },
	{ 0x02, "LCT.2", UNKNOWN },
	{ 0x03, "LCT.4", HOST },
	{ 0x04, "LGN.1", RANGE },
	{ 0x05, "LGN.2", PERM },
	{ 0x06, "LGN.3", PERM },
	{ 0x07, "LSS.1", HOST },
	{ 0x08, "LRT.1", HOST },
	{ 0x09, "LCT.1", HOST },
	{ 0x0a, "LRT.3", HOST },
	{ 0x0b, "LCT.3", HOST },
	{ 0x0c, "LSS.2", HOST },
	{ 0x0d, "LCT.5", PERM },
	{ 0x0e, "LGN.4", RANGE },
	{ 0x30, "RTA.1", HOST },
	{ 0x31, "RTA.2", PASID },
	{ 0x32, "RTA.3", PERM },
	{ 0x33, "RTA.4", HOST },
	{ 0x34, "RTA.5", PERM },
	{ 0x38, "SRT.1", HOST },
	{ 0x39, "SRT.2", HOST },
	{ 0x3a, "SRT.3", HOST },
	{ 0x40, "SCT.1", HOST },
	{ 0x41, "SCT.2", UNKNOWN },
	{ 0x42, "SCT.3", HOST },
	{ 0x43, "SCT.4", HOST },
	{ 0x44, "SCT.5", PERM },
	{ 0x45, "SCT.6", PASID },
	{ 0x46, "SCT.7", PASID },
	{ 0x47, "SCT.8", PERM },
	{ 0x48, "SCT.9", PASID },
	{ 0x49, "SCT.10", PASID },
	{ 0x50, "SPD.1", FETCH },
	{ 0x51, "SPD.2", ENTRY },
	{ 0x52, "SPD.3", ENTRY },
	{ 0x58, "SPT.1", FETCH },
	{ 0x59, "SPT.2", ENTRY },
	{ 0x5a, "SPT.3", ENTRY },
	{ 0x5b, "SPT.4", ENTRY },
	{ 0x5c, "SPT.5", ENTRY },
	{ 0x5d, "SPT.6", ENTRY },
	{ 0x60, "SPT.9", HOST },
	{ 0x70, "SFS.1", WALK },
	{ 0x71, "SFS.2", UNMAPPED },
	{ 0x72, "SFS.3", UNMAPPED },
	{ 0x73, "SFS.4", WALK },
	{ 0x74, "SFS.5", RANGE },
	{ 0x75, "SFS.6", WALK },
	{ 0x76, "SFS.7", WALK },
	{ 0x77, "SFS.8", WALK },
	{ 0x78, "SSS.1", UNKNOWN },
	{ 0x79, "SSS.2", UNKNOWN },
	{ 0x7a, "SSS.3", UNKNOWN },
	{ 0x7b, "SSS.4", UNKNOWN },
	{ 0x7c, "SSS.5", UNKNOWN },
	{ 0x7d, "SSS.6", UNKNOWN },
	{ 0x80, "SGN.1", RANGE },
	{ 0x81, "SGN.2", PERM },
	{ 0x82, "revision 3: execute", PERM },
	{ 0x83, "SGN.4", RANGE },
	{ 0x84, "SGN.5", RANGE },
	{ 0x85, "SGN.6", PERM },
	{ 0x86, "SGN.7", PERM },
	{ 0x87, "SGN.8", RANGE },
	{ 0x89, "SGN.10", PASID },
	{ 0x90, "SFS.9", FLAGS },
	{ 0x91, "SFS.10", FLAGS },
	{ 0xa0, "HPT.1", HOST },
	{ 0xa1, "HPT.2", HOST },
	{ 0xa2, "HPT.3", HOST },
	{ 0xa3, "HPT.4", HOST },
	{ 0xa4, "HPT.5", HOST },
	{ 0xa5, "HPT.6", HOST },
};

static void reasons(struct kunit *test)
{
	unsigned int code, next = 0;

	for (code = 0; code <= 0xff; code++) {
		const char *condition = "no condition";
		struct iommu_fault fault;
		int reason = HOST;
		bool reported;

		if (next < ARRAY_SIZE(table_30) && table_30[next].code == code) {
			condition = table_30[next].condition;
			reason = table_30[next++].reason;
		}
		reported = dmar_decode_fault(0, (u64)code << 32, 48, &fault);
		KUNIT_EXPECT_EQ_MSG(test, reported, reason >= 0, "code 0x%x (%s)",
				    code, condition);
		if (reported)
			KUNIT_EXPECT_EQ_MSG(test, fault.event.reason, (u32)reason,
					    "code 0x%x (%s)", code, condition);
	}
	KUNIT_EXPECT_EQ(test, next, (unsigned int)ARRAY_SIZE(table_30));
}

/* PASID present, PASID 0xabcde and reason 0x71 */
#define UPPER	(BIT_ULL(31) | 0xabcdeULL << 40 | 0x71ULL << 32)

static void records(struct kunit *test)
{
	static const struct {
		u64 bits;
		u32 perm;
	} types[] = {
		{ 0, IOMMU_FAULT_PERM_WRITE },
		{ BIT_ULL(62), IOMMU_FAULT_PERM_READ },
		{ BIT_ULL(62) | BIT_ULL(28),
		  IOMMU_FAULT_PERM_READ | IOMMU_FAULT_PERM_WRITE },
		{ BIT_ULL(28), 0 },
		{ BIT_ULL(62) | BIT_ULL(30),
		  IOMMU_FAULT_PERM_READ | IOMMU_FAULT_PERM_EXEC },
		/* Only a read has the bit for execute. */
		{ BIT_ULL(30), IOMMU_FAULT_PERM_WRITE },
		{ BIT_ULL(29), IOMMU_FAULT_PERM_WRITE | IOMMU_FAULT_PERM_PRIV },
	};
	struct iommu_fault fault;
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		memset(&fault, 0xff, sizeof(fault));
		KUNIT_ASSERT_TRUE(test, dmar_decode_fault(0x3456789abcdfffULL,
							  UPPER | types[i].bits, 57, &fault));
		KUNIT_EXPECT_EQ(test, fault.type, (u32)IOMMU_FAULT_DMA_UNRECOV);
		KUNIT_EXPECT_EQ(test, fault.padding, 0U);
		KUNIT_EXPECT_EQ(test, fault.event.flags,
				(u32)(IOMMU_FAULT_UNRECOV_PASID_VALID |
				      IOMMU_FAULT_UNRECOV_ADDR_VALID));
		KUNIT_EXPECT_EQ(test, fault.event.pasid, 0xabcdeU);
		KUNIT_EXPECT_EQ(test, fault.event.addr, 0x3456789abcd000ULL);
		KUNIT_EXPECT_EQ(test, fault.event.fetch_addr, 0ULL);
		KUNIT_EXPECT_EQ_MSG(test, fault.event.perm, types[i].perm, "type %d", i);
	}

	/* Without PASID the fields of a PASID mean nothing; 0 is none either. */
	KUNIT_ASSERT_TRUE(test, dmar_decode_fault(0, (UPPER & ~BIT_ULL(31)) |
						  BIT_ULL(29) | BIT_ULL(30), 48, &fault));
	KUNIT_EXPECT_EQ(test, fault.event.flags, (u32)IOMMU_FAULT_UNRECOV_ADDR_VALID);
	KUNIT_EXPECT_EQ(test, fault.event.pasid, 0U);
	KUNIT_EXPECT_EQ(test, fault.event.perm, (u32)IOMMU_FAULT_PERM_WRITE);
	KUNIT_ASSERT_TRUE(test, dmar_decode_fault(0, BIT_ULL(31) | 0x71ULL << 32, 48, &fault));
	KUNIT_EXPECT_EQ(test, fault.event.flags, (u32)IOMMU_FAULT_UNRECOV_ADDR_VALID);
}

/* Bits that hardware does not record follow from those that it does. */
static void addresses(struct kunit *test)
{
	static const struct {
		u64 hi, lo, addr;
		unsigned int width;
	} cases[] = {
		{ UPPER, 0x00007ffffffff000, 0x00007ffffffff000, 48 },
		{ UPPER, 0x0000800000000000, 0xffff800000000000, 48 },
		{ UPPER, 0x0000fffffffff000, 0xfffffffffffff000, 48 },
		{ UPPER, 0x0000800000000000, 0x0000800000000000, 57 },
		{ UPPER, 0x01ff800000000000, 0xffff800000000000, 57 },
		/* Without PASID only a reason of the first stage says that it has one. */
		{ UPPER & ~BIT_ULL(31), 0x0000800000000000, 0xffff800000000000, 48 },
		{ UPPER & ~(0xfffffULL << 40), 0x0000800000000000, 0xffff800000000000, 48 },
		{ 0x70ULL << 32, 0x0000800000000000, 0xffff800000000000, 48 },
		{ 0x77ULL << 32, 0x0000800000000000, 0xffff800000000000, 48 },
		{ 0x81ULL << 32, 0x0000800000000000, 0xffff800000000000, 48 },
		{ 0x90ULL << 32, 0x0000800000000000, 0xffff800000000000, 48 },
		{ 0x91ULL << 32, 0x0000800000000000, 0xffff800000000000, 48 },
		{ 0x59ULL << 32, 0x0000800000000000, 0x0000800000000000, 48 },
		{ 0x78ULL << 32, 0x0000800000000000, 0x0000800000000000, 48 },
		{ 0x85ULL << 32, 0x0000800000000000, 0x0000800000000000, 48 },
		/* This one is not canonical: SGN.1. */
		{ UPPER ^ (0x71ULL ^ 0x80ULL) << 32, 0x0000800000000000,
		  0x0000800000000000, 48 },
	};
	struct iommu_fault fault;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_ASSERT_TRUE(test, dmar_decode_fault(cases[i].lo, cases[i].hi,
							  cases[i].width, &fault));
		KUNIT_EXPECT_EQ_MSG(test, fault.event.addr, cases[i].addr, "case %d", i);
	}
}

/* A thread that handles one record after the other, however they come */
static void thread_gives_way(struct kunit *test)
{
	struct intel_iommu *iommu = kunit_kzalloc(test, sizeof(*iommu), GFP_KERNEL);
	ktime_t start = ktime_get();
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, iommu);
	iommu->flags = VTD_FLAG_FAULT_THREADED;
	/* Slices of 10 ms with at most 256 records, and as long a pause after each */
	for (i = 0; i < 4 * 256; i++)
		dmar_fault_breathe(iommu);
	KUNIT_EXPECT_GE(test, ktime_ms_delta(ktime_get(), start), 40LL);

	/* A hard interrupt must not. */
	iommu->flags = 0;
	preempt_disable();
	for (i = 0; i < 4 * 256; i++)
		dmar_fault_breathe(iommu);
	preempt_enable();
}

/* One device that faults all the time, and one that does once */
static void no_device_fills_the_log(struct kunit *test)
{
	struct intel_iommu *iommu = kunit_kzalloc(test, sizeof(*iommu), GFP_KERNEL);
	unsigned int i, loud = 0, quiet = 0;

	KUNIT_ASSERT_NOT_NULL(test, iommu);
	iommu->segment = 0x7abc;
	for (i = 0; i < 1000; i++)
		loud += dmar_fault_may_print(iommu, 0x100);
	for (i = 0; i < 32; i++)
		quiet += dmar_fault_may_print(iommu, 0x200 + i);
	/* Twice, if a period ends meanwhile */
	KUNIT_EXPECT_GE(test, loud, 1U);
	KUNIT_EXPECT_LT(test, loud, 2U * DEFAULT_RATELIMIT_BURST);
	KUNIT_EXPECT_GE(test, quiet, 8U);
}

static struct kunit_case vtd_fault_cases[] = {
	KUNIT_CASE(reasons),
	KUNIT_CASE(records),
	KUNIT_CASE(addresses),
	KUNIT_CASE(thread_gives_way),
	KUNIT_CASE(no_device_fills_the_log),
	{}
};

static struct kunit_suite vtd_fault_suite = {
	.name = "intel-iommu-fault",
	.test_cases = vtd_fault_cases,
};

kunit_test_suite(vtd_fault_suite);
