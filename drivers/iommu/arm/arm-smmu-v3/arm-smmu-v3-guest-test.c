// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arm SMMUv3: entries, commands and events of guests, word by word
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/io-pgtable.h>
#include <linux/iommu-guest.h>

#include "arm-smmu-v3.h"

#define VMID		0x5a
#define SID		0x1234
#define S2TTB		0x123456000ULL
#define APERTURE	GENMASK_ULL(43, 0)
#define BASE		0x40000000ULL

/**
 * struct guest_test - a device behind a unit, and stage 2 of its owner
 * @smmu: the unit
 * @stream: of @master
 * @master: the device
 * @pgtable: of @parent
 * @parent: stage 2
 * @config: a table of one descriptor
 * @cmds: commands that were composed
 */
struct guest_test {
	struct arm_smmu_device smmu;
	struct arm_smmu_stream stream;
	struct arm_smmu_master master;
	struct io_pgtable pgtable;
	struct arm_smmu_domain parent;
	struct iommu_pasid_table_config config;
	struct arm_smmu_cmdq_batch cmds;
};

static int guest_test_init(struct kunit *test)
{
	struct guest_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->smmu.features = ARM_SMMU_FEAT_STALLS | ARM_SMMU_FEAT_S2FWB |
			   ARM_SMMU_FEAT_2_LVL_CDTAB;
	t->smmu.asid_bits = 16;
	t->smmu.ssid_bits = 20;
	t->stream.id = SID;
	t->master.smmu = &t->smmu;
	t->master.streams = &t->stream;
	t->master.num_streams = 1;
	t->pgtable.cfg.quirks = IO_PGTABLE_QUIRK_ARM_S2FWB;
	t->pgtable.cfg.arm_lpae_s2_cfg.vttbr = S2TTB;
	t->pgtable.cfg.arm_lpae_s2_cfg.vtcr.tsz = 20;
	t->parent.smmu = &t->smmu;
	t->parent.stage = ARM_SMMU_DOMAIN_S2;
	t->parent.nest_parent = true;
	t->parent.s2_cfg.vmid = VMID;
	t->parent.pgtbl_ops = &t->pgtable.ops;
	t->parent.domain.geometry.aperture_end = APERTURE;
	t->config = (struct iommu_pasid_table_config) {
		.argsz = sizeof(t->config),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = BASE,
		.format = IOMMU_PASID_FORMAT_SMMUV3,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
		.vendor_data.smmuv3.version = IOMMU_PASID_TABLE_SMMUV3_CFG_VERSION_1,
	};
	return 0;
}

/* -------------------------------------------------------------- entries */

static void make(struct guest_test *t, struct arm_smmu_ste *ste)
{
	arm_smmu_guest_make_ste(ste, &t->master, &t->parent, &t->config);
}

/* Attributes of stage 1: write-back, read-allocate, inner shareable */
#define S1_WALK		(BIT_ULL(2) | BIT_ULL(4) | GENMASK_ULL(7, 6))
#define MEV		BIT_ULL(19)
#define FWB		BIT_ULL(25)
#define STALLD		BIT_ULL(27)

static void expect_stage2(struct kunit *test, const struct arm_smmu_ste *ste)
{
	u64 word = le64_to_cpu(ste->data[2]);

	KUNIT_EXPECT_EQ(test, VMID, word & 0xffff);
	KUNIT_EXPECT_EQ(test, 20, word >> 32 & 0x3f);
	/* AArch64; stage 1 tables in device memory fault; faults are recorded */
	KUNIT_EXPECT_EQ(test, BIT_ULL(51) | BIT_ULL(54) | BIT_ULL(58),
			word & ~(GENMASK_ULL(50, 32) | 0xffff | BIT_ULL(52)));
	KUNIT_EXPECT_EQ(test, S2TTB, le64_to_cpu(ste->data[3]));
}

static void entry_translates(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct arm_smmu_ste ste;

	make(t, &ste);
	KUNIT_EXPECT_EQ(test, 1 | 7 << 1 | BASE, le64_to_cpu(ste.data[0]));
	KUNIT_EXPECT_EQ(test, S1_WALK | MEV | FWB | STALLD, le64_to_cpu(ste.data[1]));
	expect_stage2(test, &ste);
}

static void entry_has_substreams(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct arm_smmu_ste ste;

	t->config.pasid_bits = 16;
	t->config.vendor_data.smmuv3.s1fmt = 2;
	t->config.vendor_data.smmuv3.s1dss = 2;
	make(t, &ste);
	KUNIT_EXPECT_EQ(test, 1 | 7 << 1 | 2 << 4 | BASE | 16ULL << 59,
			le64_to_cpu(ste.data[0]));
	KUNIT_EXPECT_EQ(test, 2 | S1_WALK | MEV | FWB | STALLD,
			le64_to_cpu(ste.data[1]));
	expect_stage2(test, &ste);
}

/* Neither the host's regime nor its attributes for incoming accesses matter. */
static void entry_on_other_units(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct arm_smmu_ste ste;

	t->smmu.features |= ARM_SMMU_FEAT_E2H;
	make(t, &ste);
	KUNIT_EXPECT_EQ(test, S1_WALK | MEV | FWB | STALLD, le64_to_cpu(ste.data[1]));
	t->smmu.features = ARM_SMMU_FEAT_S2FWB;
	make(t, &ste);
	KUNIT_EXPECT_EQ(test, S1_WALK | MEV | FWB, le64_to_cpu(ste.data[1]));
	t->smmu.features = ARM_SMMU_FEAT_ATTR_TYPES_OVR;
	make(t, &ste);
	KUNIT_EXPECT_EQ(test, S1_WALK | MEV | FWB | BIT_ULL(44),
			le64_to_cpu(ste.data[1]));
}

static void entry_bypasses_and_aborts(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct arm_smmu_ste ste;

	t->config.config = IOMMU_PASID_CONFIG_BYPASS;
	make(t, &ste);
	KUNIT_EXPECT_EQ(test, 1 | 6 << 1, le64_to_cpu(ste.data[0]));
	KUNIT_EXPECT_EQ(test, MEV | FWB, le64_to_cpu(ste.data[1]));
	expect_stage2(test, &ste);
	t->config.config = IOMMU_PASID_CONFIG_ABORT;
	make(t, &ste);
	KUNIT_EXPECT_EQ(test, 1, le64_to_cpu(ste.data[0]));
}

struct guest_test_writer {
	struct arm_smmu_entry_writer writer;
	struct arm_smmu_ste ste;
	bool invalid;
};

static void record_sync(struct arm_smmu_entry_writer *writer)
{
	struct guest_test_writer *w =
		container_of(writer, struct guest_test_writer, writer);

	w->invalid |= !(w->ste.data[0] & cpu_to_le64(STRTAB_STE_0_V));
}

static const struct arm_smmu_entry_writer_ops guest_test_writer_ops = {
	.sync = record_sync,
	.get_used = arm_smmu_get_ste_used,
};

/* Is the entry never invalid on the way from the one to the other? */
static bool hitless(struct kunit *test, const struct arm_smmu_ste *from,
		    const struct arm_smmu_ste *to)
{
	struct guest_test_writer w = {
		.writer.ops = &guest_test_writer_ops,
		.ste = *from,
	};

	arm_smmu_write_entry(&w.writer, w.ste.data, to->data);
	KUNIT_EXPECT_MEMEQ(test, w.ste.data, to->data, sizeof(*to));
	return !w.invalid;
}

static void transitions_are_hitless(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct arm_smmu_ste ste[5];
	unsigned int i, j;

	arm_smmu_make_s2_domain_ste(&ste[0], &t->master, &t->parent, false);
	make(t, &ste[1]);
	t->config.base_ptr = 2 * BASE;
	make(t, &ste[2]);
	t->config.config = IOMMU_PASID_CONFIG_BYPASS;
	make(t, &ste[3]);
	arm_smmu_make_abort_ste(&ste[4]);
	for (i = 0; i < ARRAY_SIZE(ste); i++)
		for (j = 0; j < ARRAY_SIZE(ste); j++)
			KUNIT_EXPECT_TRUE_MSG(test, hitless(test, &ste[i], &ste[j]),
					      "%u to %u", i, j);

	/* Two words that are in use */
	t->config.config = IOMMU_PASID_CONFIG_TRANSLATE;
	t->config.pasid_bits = 4;
	t->config.vendor_data.smmuv3.s1dss = 1;
	make(t, &ste[3]);
	KUNIT_EXPECT_FALSE(test, hitless(test, &ste[2], &ste[3]));
}

/* --------------------------------------------------------------- checks */

static int check(struct guest_test *t, unsigned int pasid_bits)
{
	return arm_smmu_guest_check_config(&t->smmu, pasid_bits, &t->parent.domain,
					   &t->config);
}

static void table_is_checked(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct iommu_pasid_smmuv3 *smmuv3 = &t->config.vendor_data.smmuv3;

	KUNIT_EXPECT_EQ(test, 0, check(t, 0));
	t->config.pasid_bits = 1;
	KUNIT_EXPECT_EQ(test, -ERANGE, check(t, 0));
	KUNIT_EXPECT_EQ(test, 0, check(t, 1));
	t->config.pasid_bits = 0;
	smmuv3->s1dss = 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, check(t, 20));
	smmuv3->s1dss = 0;
	smmuv3->s1fmt = 2;
	KUNIT_EXPECT_EQ(test, -EINVAL, check(t, 20));
	t->config.pasid_bits = 4;
	KUNIT_EXPECT_EQ(test, 0, check(t, 20));
	smmuv3->s1fmt = 1;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, check(t, 20));
	smmuv3->s1fmt = 2;
	t->smmu.features = 0;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, check(t, 20));
	smmuv3->s1fmt = 0;
	KUNIT_EXPECT_EQ(test, 0, check(t, 20));
}

/* Aligned to its size, which is within the second stage to the last byte */
static void table_has_its_place(struct kunit *test)
{
	static const struct {
		u8 bits, s1fmt;
		u64 size;
	} tables[] = {
		{ 0, 0, 64 }, { 4, 0, 1024 }, { 10, 0, 65536 }, { 20, 0, 64ULL << 20 },
		{ 10, 2, 64 }, { 13, 2, 64 }, { 14, 2, 128 }, { 20, 2, 8192 },
	};
	struct guest_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		t->config.pasid_bits = tables[i].bits;
		t->config.vendor_data.smmuv3.s1fmt = tables[i].s1fmt;
		t->config.base_ptr = APERTURE + 1 - tables[i].size;
		KUNIT_EXPECT_EQ_MSG(test, 0, check(t, 20), "table %u", i);
		t->config.base_ptr = APERTURE + 1;
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, check(t, 20), "table %u", i);
		t->config.base_ptr = BASE + tables[i].size / 2;
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, check(t, 20), "table %u", i);
		t->config.base_ptr = -tables[i].size;
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, check(t, 20), "table %u", i);
	}
	t->config.config = IOMMU_PASID_CONFIG_ABORT;
	KUNIT_EXPECT_EQ(test, 0, check(t, 20));
}

/* ------------------------------------------------------------- commands */

static void expect_command(struct kunit *test, unsigned int nth, u64 low, u64 high)
{
	struct guest_test *t = test->priv;

	KUNIT_ASSERT_LT(test, nth, t->cmds.num);
	KUNIT_EXPECT_EQ(test, low, t->cmds.cmds[2 * nth]);
	KUNIT_EXPECT_EQ(test, high, t->cmds.cmds[2 * nth + 1]);
}

static void expect_sync(struct kunit *test, unsigned int nth)
{
	struct guest_test *t = test->priv;

	KUNIT_ASSERT_LT(test, nth, t->cmds.num);
	KUNIT_EXPECT_EQ(test, 0x46, t->cmds.cmds[2 * nth] & 0xff);
}

/* How many commands it becomes */
static int compose(struct guest_test *t, u8 cache, u8 granularity,
		   const struct iommu_inv_pasid_info *pasid,
		   const struct iommu_inv_addr_info *addr)
{
	struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = cache,
		.granularity = granularity,
	};

	if (pasid)
		info.granu.pasid_info = *pasid;
	if (addr)
		info.granu.addr_info = *addr;
	arm_smmu_guest_compose(&t->master, VMID, &info, &t->cmds);
	return t->cmds.num;
}

#define IOTLB	IOMMU_CACHE_INV_TYPE_IOTLB
#define ENTRIES	IOMMU_CACHE_INV_TYPE_PASID

#define CFGI_CD		(0x05 | (u64)SID << 32)
#define CFGI_CD_ALL	(0x06 | (u64)SID << 32)
#define NH_ALL		(0x10 | (u64)VMID << 32)
#define NH_ASID		(0x11 | (u64)VMID << 32)
#define NH_VA		(0x12 | (u64)VMID << 32)
#define NH_VAA		(0x13 | (u64)VMID << 32)

static void commands_for_everything(struct kunit *test)
{
	struct guest_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 1, compose(t, IOTLB, IOMMU_INV_GRANU_DOMAIN, NULL, NULL));
	expect_command(test, 0, NH_ALL, 0);
	KUNIT_EXPECT_EQ(test, 3, compose(t, IOTLB | ENTRIES, IOMMU_INV_GRANU_DOMAIN,
					 NULL, NULL));
	expect_command(test, 0, CFGI_CD_ALL, 0);
	expect_sync(test, 1);
	expect_command(test, 2, NH_ALL, 0);
}

static void commands_for_an_address_space(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct iommu_inv_pasid_info pasid = {
		.flags = IOMMU_INV_PASID_FLAGS_PASID | IOMMU_INV_PASID_FLAGS_ARCHID,
		.archid = 0x1357,
		.pasid = 0xabcde,
	};

	KUNIT_EXPECT_EQ(test, 3, compose(t, IOTLB | ENTRIES, IOMMU_INV_GRANU_PASID,
					 &pasid, NULL));
	expect_command(test, 0, CFGI_CD | 0xabcdeULL << 12, 0);
	expect_sync(test, 1);
	expect_command(test, 2, NH_ASID | 0x1357ULL << 48, 0);
	/* One tag alone */
	pasid.flags = IOMMU_INV_PASID_FLAGS_PASID;
	KUNIT_EXPECT_EQ(test, 1, compose(t, IOTLB, IOMMU_INV_GRANU_PASID, &pasid, NULL));
	expect_command(test, 0, NH_ALL, 0);
	pasid.flags = IOMMU_INV_PASID_FLAGS_ARCHID;
	KUNIT_EXPECT_EQ(test, 1, compose(t, ENTRIES, IOMMU_INV_GRANU_PASID, &pasid, NULL));
	expect_command(test, 0, CFGI_CD_ALL, 0);
	/* Device TLB: there is none */
	KUNIT_EXPECT_EQ(test, 0, compose(t, IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
					 IOMMU_INV_GRANU_PASID, &pasid, NULL));
}

/* What does not fit into a field is not cut off. */
static void commands_for_what_cannot_be(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct iommu_inv_pasid_info pasid = {
		.flags = IOMMU_INV_PASID_FLAGS_PASID | IOMMU_INV_PASID_FLAGS_ARCHID,
		.archid = 0x10001,
		.pasid = 0x100001,
	};
	struct iommu_inv_addr_info addr = {
		.flags = IOMMU_INV_ADDR_FLAGS_ARCHID,
		.archid = 0x10001,
		.granule_size = SZ_4K,
		.nb_granules = 1,
	};

	KUNIT_EXPECT_EQ(test, 0, compose(t, IOTLB | ENTRIES, IOMMU_INV_GRANU_PASID,
					 &pasid, NULL));
	KUNIT_EXPECT_EQ(test, 0, compose(t, IOTLB, IOMMU_INV_GRANU_ADDR, NULL, &addr));
	t->smmu.asid_bits = 8;
	t->smmu.ssid_bits = 0;
	pasid.archid = 0x100;
	pasid.pasid = 1;
	addr.archid = 0x100;
	KUNIT_EXPECT_EQ(test, 0, compose(t, IOTLB | ENTRIES, IOMMU_INV_GRANU_PASID,
					 &pasid, NULL));
	KUNIT_EXPECT_EQ(test, 0, compose(t, IOTLB, IOMMU_INV_GRANU_ADDR, NULL, &addr));
	pasid.archid = 0xff;
	pasid.pasid = 0;
	KUNIT_EXPECT_EQ(test, 3, compose(t, IOTLB | ENTRIES, IOMMU_INV_GRANU_PASID,
					 &pasid, NULL));
	expect_command(test, 0, CFGI_CD, 0);
	expect_sync(test, 1);
	expect_command(test, 2, NH_ASID | 0xffULL << 48, 0);
}

static void commands_for_pages(struct kunit *test)
{
	struct guest_test *t = test->priv;
	struct iommu_inv_addr_info addr = {
		.flags = IOMMU_INV_ADDR_FLAGS_ARCHID | IOMMU_INV_ADDR_FLAGS_LEAF,
		.archid = 0x1357,
		.addr = 0xffff800012345000,
		.granule_size = SZ_4K,
		.nb_granules = 3,
	};
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 3, compose(t, IOTLB, IOMMU_INV_GRANU_ADDR, NULL, &addr));
	for (i = 0; i < 3; i++)
		expect_command(test, i, NH_VA | 0x1357ULL << 48,
			       (addr.addr + i * SZ_4K) | 1);
	addr.flags = IOMMU_INV_ADDR_FLAGS_PASID;
	addr.granule_size = SZ_2M;
	addr.addr = SZ_2M;
	KUNIT_EXPECT_EQ(test, 3, compose(t, IOTLB, IOMMU_INV_GRANU_ADDR, NULL, &addr));
	for (i = 0; i < 3; i++)
		expect_command(test, i, NH_VAA, (u64)SZ_2M * (i + 1));

	/* One batch is the limit; global entries are in an address space too. */
	addr.nb_granules = CMDQ_BATCH_ENTRIES;
	KUNIT_EXPECT_EQ(test, CMDQ_BATCH_ENTRIES,
			compose(t, IOTLB, IOMMU_INV_GRANU_ADDR, NULL, &addr));
	addr.nb_granules++;
	addr.flags = IOMMU_INV_ADDR_FLAGS_ARCHID;
	KUNIT_EXPECT_EQ(test, 1, compose(t, IOTLB, IOMMU_INV_GRANU_ADDR, NULL, &addr));
	expect_command(test, 0, NH_ALL, 0);
	addr.nb_granules = BIT_ULL(43);
	KUNIT_EXPECT_EQ(test, 1, compose(t, IOTLB, IOMMU_INV_GRANU_ADDR, NULL, &addr));
	expect_command(test, 0, NH_ALL, 0);
}

/* --------------------------------------------------------------- events */

#define SSV		BIT_ULL(11)
#define SUBSTREAM	(0xabcdeULL << 12)
#define STALL		BIT_ULL(31)
#define EVT_WRITE		0ULL
#define EVT_READ		BIT_ULL(35)
#define EVT_EXEC		BIT_ULL(34)
#define EVT_PRIV		BIT_ULL(33)
#define S2(class)	(BIT_ULL(39) | (u64)(class) << 40)
#define S1(class)	((u64)(class) << 40)
#define VA		0xffff800012345678ULL
#define IPA		0x000123456000ULL

#define ADDR		IOMMU_FAULT_UNRECOV_ADDR_VALID
#define FETCH		IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID
#define PASID		IOMMU_FAULT_UNRECOV_PASID_VALID

static void events_are_decoded(struct kunit *test)
{
	static const struct {
		u64 low, high;
		u32 reason, flags, perm;
	} events[] = {
		{ 0x06, 0, IOMMU_FAULT_REASON_UNKNOWN },
		{ 0x08 | SUBSTREAM, 0, IOMMU_FAULT_REASON_PASID_INVALID, PASID },
		{ 0x09 | SSV | SUBSTREAM, 0, IOMMU_FAULT_REASON_PASID_FETCH, PASID },
		{ 0x0a, 0, IOMMU_FAULT_REASON_BAD_PASID_ENTRY },
		{ 0x0a | SSV | SUBSTREAM, 0, IOMMU_FAULT_REASON_BAD_PASID_ENTRY, PASID },
		{ 0x0b, EVT_READ | S1(1), IOMMU_FAULT_REASON_WALK_EABT, ADDR,
		  IOMMU_FAULT_PERM_READ },
		{ 0x10, EVT_WRITE | S1(2), IOMMU_FAULT_REASON_PTE_FETCH, ADDR,
		  IOMMU_FAULT_PERM_WRITE },
		{ 0x10 | SSV | SUBSTREAM, EVT_READ | EVT_EXEC | EVT_PRIV | S1(2),
		  IOMMU_FAULT_REASON_PTE_FETCH, ADDR | PASID,
		  IOMMU_FAULT_PERM_READ | IOMMU_FAULT_PERM_EXEC | IOMMU_FAULT_PERM_PRIV },
		{ 0x11, EVT_READ | S1(2), IOMMU_FAULT_REASON_OOR_ADDRESS, ADDR,
		  IOMMU_FAULT_PERM_READ },
		{ 0x12, EVT_READ | S1(2), IOMMU_FAULT_REASON_ACCESS, ADDR,
		  IOMMU_FAULT_PERM_READ },
		{ 0x13, EVT_WRITE | S1(2), IOMMU_FAULT_REASON_PERMISSION, ADDR,
		  IOMMU_FAULT_PERM_WRITE },
		{ 0x10, EVT_READ | S2(0), IOMMU_FAULT_REASON_PASID_FETCH, ADDR | FETCH,
		  IOMMU_FAULT_PERM_READ },
		{ 0x13, EVT_READ | S2(1), IOMMU_FAULT_REASON_WALK_EABT, ADDR | FETCH,
		  IOMMU_FAULT_PERM_READ },
		{ 0x10, EVT_WRITE | S2(2), IOMMU_FAULT_REASON_UNKNOWN, ADDR,
		  IOMMU_FAULT_PERM_WRITE },
		{ 0x11, EVT_WRITE | S2(2), IOMMU_FAULT_REASON_UNKNOWN, ADDR,
		  IOMMU_FAULT_PERM_WRITE },
	};
	struct iommu_fault fault;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		u64 evt[EVTQ_ENT_DWORDS] = {
			events[i].low | (u64)SID << 32, events[i].high, VA, IPA | 0xfff,
		};
		struct iommu_fault_unrecoverable *event = &fault.event;

		memset(&fault, 0xff, sizeof(fault));
		KUNIT_EXPECT_TRUE(test, arm_smmu_guest_decode_evt(evt, &fault));
		KUNIT_EXPECT_EQ(test, IOMMU_FAULT_DMA_UNRECOV, fault.type);
		KUNIT_EXPECT_EQ_MSG(test, events[i].reason, event->reason, "event %u", i);
		KUNIT_EXPECT_EQ_MSG(test, events[i].flags, event->flags, "event %u", i);
		KUNIT_EXPECT_EQ_MSG(test, events[i].perm, event->perm, "event %u", i);
		KUNIT_EXPECT_EQ(test, event->flags & ADDR ? VA : 0, event->addr);
		KUNIT_EXPECT_EQ(test, event->flags & FETCH ? IPA : 0, event->fetch_addr);
		KUNIT_EXPECT_EQ(test, event->flags & PASID ? 0xabcde : 0, event->pasid);
	}
}

/* Those of the host, those that somebody waits for, and those that nobody knows */
static void events_are_left_alone(struct kunit *test)
{
	static const u8 others[] = {
		0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x07, 0x0c, 0x0f, 0x14, 0x20, 0x21,
		0x22, 0x24, 0x25, 0xe0, 0xff,
	};
	static const u8 stalls[] = { 0x10, 0x11, 0x12, 0x13 };
	u64 evt[EVTQ_ENT_DWORDS] = {};
	struct iommu_fault fault;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		evt[0] = others[i];
		KUNIT_EXPECT_FALSE_MSG(test, arm_smmu_guest_decode_evt(evt, &fault),
				       "event 0x%x", others[i]);
	}
	evt[1] = STALL;
	for (i = 0; i < ARRAY_SIZE(stalls); i++) {
		evt[0] = stalls[i];
		KUNIT_EXPECT_FALSE_MSG(test, arm_smmu_guest_decode_evt(evt, &fault),
				       "event 0x%x", stalls[i]);
	}
}

/* ------------------------------------------------------------ the device */

/**
 * struct guest_test_device - a device as the core knows it
 * @dev: the device
 * @iommu: what it has in @dev
 * @regs: ID registers of its unit
 * @polls: how often the queue of its unit was looked at
 * @syncs: number of times that it was asked to make events visible
 */
struct guest_test_device {
	struct device dev;
	struct dev_iommu iommu;
	u32 regs[8];
	unsigned int polls;
	unsigned int syncs;
};

static struct guest_test_device *add_device(struct kunit *test)
{
	struct guest_test_device *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct guest_test *t = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, d);
	t->smmu.features = ARM_SMMU_FEAT_NESTING | ARM_SMMU_FEAT_COHERENCY |
			   ARM_SMMU_FEAT_S2FWB;
	t->smmu.base = (__force void __iomem *)d->regs;
	t->parent.domain.type = IOMMU_DOMAIN_UNMANAGED;
	d->iommu.priv = &t->master;
	d->dev.iommu = &d->iommu;
	return d;
}

static int nesting_info(struct guest_test *t, struct guest_test_device *d,
			struct iommu_nesting_info *info)
{
	memset(info, 0, sizeof(*info));
	return arm_smmu_guest_ops.nesting_info(&d->dev, &t->parent.domain, info);
}

/* Each of what it takes, left out, is a refusal. */
static void offer_takes_all_of_it(struct kunit *test)
{
	static const u32 features[] = {
		ARM_SMMU_FEAT_NESTING, ARM_SMMU_FEAT_COHERENCY, ARM_SMMU_FEAT_S2FWB,
	};
	struct guest_test_device *d = add_device(test);
	struct guest_test *t = test->priv;
	struct arm_smmu_device other = {};
	struct iommu_nesting_info info;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, nesting_info(t, d, &info));
	KUNIT_EXPECT_EQ(test, IOMMU_NESTING_FEAT_CACHE_INVLD |
			IOMMU_NESTING_FEAT_BIND_PASID_TABLE, info.features);
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		t->smmu.features &= ~features[i];
		KUNIT_EXPECT_EQ_MSG(test, -EOPNOTSUPP, nesting_info(t, d, &info),
				    "without feature 0x%x", features[i]);
		t->smmu.features |= features[i];
	}
	t->master.stall_enabled = true;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, nesting_info(t, d, &info));
	t->master.stall_enabled = false;
	t->master.num_streams = 2;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, nesting_info(t, d, &info));
	t->master.num_streams = 1;
	t->parent.nest_parent = false;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, nesting_info(t, d, &info));
	t->parent.nest_parent = true;
	t->parent.smmu = &other;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, nesting_info(t, d, &info));
	t->parent.smmu = &t->smmu;
	t->parent.domain.type = IOMMU_DOMAIN_BLOCKED;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, nesting_info(t, d, &info));
	t->parent.domain.type = IOMMU_DOMAIN_UNMANAGED;
	KUNIT_EXPECT_EQ(test, 0, nesting_info(t, d, &info));
}

/* What a guest must not use is not said to be there. */
static void offer_hides_the_rest(struct kunit *test)
{
	struct guest_test_device *d = add_device(test);
	struct guest_test *t = test->priv;
	struct iommu_nesting_info info;
	const u32 *idr;

	memset(d->regs, 0xff, sizeof(d->regs));
	KUNIT_ASSERT_EQ(test, 0, nesting_info(t, d, &info));
	idr = info.vendor.smmuv3.idr;
	/* Stage 2, BTM, hypervisor, ATS, MSI, ATOS, PRI, VMW, VMID, VATOS */
	KUNIT_EXPECT_EQ(test, 0, idr[0] & (BIT(0) | BIT(5) | BIT(9) | BIT(10) | BIT(11) |
					   GENMASK(18, 13) | BIT(20)));
	KUNIT_EXPECT_EQ(test, 1, idr[0] >> 24 & 3);	/* no stalls */
	KUNIT_EXPECT_EQ(test, GENMASK(10, 6), idr[1]);
	KUNIT_EXPECT_EQ(test, 0, idr[2] | idr[4]);
	KUNIT_EXPECT_EQ(test, BIT(2) | BIT(10) | GENMASK(12, 11), idr[3]);
}

/* Of updates by hardware, what the unit does, whatever its register says */
static void offer_tells_of_updates(struct kunit *test)
{
	static const struct {
		u32 features, httu;
	} units[] = {
		{ 0, 0 },
		{ ARM_SMMU_FEAT_HA, 1 },
		{ ARM_SMMU_FEAT_HA | ARM_SMMU_FEAT_HD, 2 },
	};
	struct guest_test_device *d = add_device(test);
	struct guest_test *t = test->priv;
	struct iommu_nesting_info info;
	unsigned int i;

	d->regs[0] = 3 << 6;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		t->smmu.features &= ~(ARM_SMMU_FEAT_HA | ARM_SMMU_FEAT_HD);
		t->smmu.features |= units[i].features;
		KUNIT_ASSERT_EQ(test, 0, nesting_info(t, d, &info));
		KUNIT_EXPECT_EQ(test, units[i].httu,
				info.vendor.smmuv3.idr[0] >> 6 & 3);
	}
}

/* A table is for the device that it was made for, and not beside PASIDs of the host. */
static void table_is_of_one_device(struct kunit *test)
{
	struct guest_test_device *d = add_device(test), *other = add_device(test);
	struct guest_test *t = test->priv;
	struct iommu_domain *table;

	table = arm_smmu_guest_ops.domain_alloc_table(&d->dev, &t->parent.domain,
						      &t->config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, table);
	KUNIT_EXPECT_EQ(test, -EINVAL, table->ops->attach_dev(table, &other->dev));
	t->master.cd_table.used_ssids = 1;
	KUNIT_EXPECT_EQ(test, -EBUSY, table->ops->attach_dev(table, &d->dev));
	table->ops->free(table);
}

/* --------------------------------------------------------- the event queue */

#define QUEUE_BITS	3

static void queue_is_passed(struct kunit *test)
{
	static const struct {
		u32 prod;
		unsigned long before, now;
		bool passed;
	} queues[] = {
		{ 0, 0, 0, true },
		{ 3, 0, 0, false },
		{ 3, 0, 2, false },
		{ 3, 3, 3, true },
		/* More came in meanwhile: as many as it holds, and the one in hand */
		{ 13, 3, 11, false },
		{ 13, 3, 12, true },
		/* The index and its wrap are of the hardware, the count goes on. */
		{ 15, 15, 15, true },
		{ 0, 15, 16, true },
		{ 0, 7, 8, false },
		{ 5, 160 + 3, 160 + 4, false },
		{ 5, 160 + 3, 160 + 5, true },
		{ 9, ULONG_MAX - 1, 8, true },
		/* The flag of an overflow is no part of the index. */
		{ BIT(31) | 3, 3, 3, true },
		{ BIT(31) | 3, 2, 2, false },
	};
	struct guest_test *t = test->priv;
	unsigned int i;
	u32 prod;

	t->smmu.evtq.q.llq.max_n_shift = QUEUE_BITS;
	t->smmu.evtq.q.prod_reg = (__force u32 __iomem *)&prod;
	for (i = 0; i < ARRAY_SIZE(queues); i++) {
		prod = (__force u32)cpu_to_le32(queues[i].prod);
		t->smmu.evtq.handled = queues[i].now;
		KUNIT_EXPECT_EQ_MSG(test, queues[i].passed,
				    arm_smmu_guest_evtq_passed(&t->smmu, queues[i].before),
				    "queue %u", i);
	}
}

static bool passed_in_the_end(struct arm_smmu_device *smmu, unsigned long handled)
{
	struct guest_test_device *d = kunit_get_current_test()->priv;

	return ++d->polls > 3;
}

static void count_sync(struct arm_smmu_device *smmu)
{
	struct guest_test_device *d = kunit_get_current_test()->priv;

	KUNIT_EXPECT_EQ(kunit_get_current_test(), 0, d->polls);
	d->syncs++;
}

/* An owner's end waits until events are visible, and then until the queue is passed. */
static void flush_waits(struct kunit *test)
{
	struct guest_test_device *d = add_device(test);

	test->priv = d;
	kunit_activate_static_stub(test, arm_smmu_guest_sync, count_sync);
	kunit_activate_static_stub(test, arm_smmu_guest_evtq_passed, passed_in_the_end);
	arm_smmu_guest_ops.fault_flush(&d->dev);
	KUNIT_EXPECT_EQ(test, 1, d->syncs);
	KUNIT_EXPECT_EQ(test, 4, d->polls);
}

static struct kunit_case guest_test_cases[] = {
	KUNIT_CASE(entry_translates),
	KUNIT_CASE(entry_has_substreams),
	KUNIT_CASE(entry_on_other_units),
	KUNIT_CASE(entry_bypasses_and_aborts),
	KUNIT_CASE(transitions_are_hitless),
	KUNIT_CASE(table_is_checked),
	KUNIT_CASE(table_has_its_place),
	KUNIT_CASE(commands_for_everything),
	KUNIT_CASE(commands_for_an_address_space),
	KUNIT_CASE(commands_for_what_cannot_be),
	KUNIT_CASE(commands_for_pages),
	KUNIT_CASE(events_are_decoded),
	KUNIT_CASE(events_are_left_alone),
	KUNIT_CASE(offer_takes_all_of_it),
	KUNIT_CASE(offer_hides_the_rest),
	KUNIT_CASE(offer_tells_of_updates),
	KUNIT_CASE(table_is_of_one_device),
	KUNIT_CASE(queue_is_passed),
	KUNIT_CASE(flush_waits),
	{},
};

static struct kunit_suite guest_test_suite = {
	.name = "arm-smmu-v3-guest",
	.init = guest_test_init,
	.test_cases = guest_test_cases,
};

kunit_test_suite(guest_test_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests for SMMUv3 tables of guests");
MODULE_LICENSE("GPL");
