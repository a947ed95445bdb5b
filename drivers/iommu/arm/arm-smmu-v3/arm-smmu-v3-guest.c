// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arm SMMUv3: context descriptors of a guest
 *
 * Hardware reads the table of context descriptors (CDs) of a guest through stage
 * 2, and so it does the tables that these lead to. The table is a nested domain,
 * which is attached in place of its parent, and stage 2 goes on below it.
 *
 * The stream table entry (STE) stays the host's. Of the guest's it has where the
 * table is, its layout and size, and what accesses without substream use. So stage 2
 * is never off, no transaction stalls, and the device has no translations of its own
 * (ATS) as long as there is a table. Commands are composed here as well: an
 * invalidation reaches what is tagged by the VMID of the parent or by the stream of
 * the device, and no more, whatever the guest asks for.
 *
 * A parent has one VMID and the ASIDs below it are the guest's. What is cached by
 * either is forgotten when a table comes and when it goes, and an event that the
 * hardware had in its queue then is reported before the next owner comes.
 */
#include <linux/iommu-guest.h>
#include <linux/iopoll.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/slab.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "arm-smmu-v3.h"

/* What makes accesses coherent, whatever attributes a guest asks for */
#define ARM_SMMU_GUEST_FEATURES	(ARM_SMMU_FEAT_NESTING | \
				 ARM_SMMU_FEAT_COHERENCY | ARM_SMMU_FEAT_S2FWB)

/*
 * Fields of the ID registers that a virtual unit has to agree with. Stalls, ATS,
 * page requests and MSIs of the unit are not for guests.
 */
#define ARM_SMMU_GUEST_IDR0	(IDR0_S1P | IDR0_TTF | IDR0_COHACC | \
				 IDR0_ASID16 | IDR0_CD2L | IDR0_TTENDIAN | \
				 IDR0_TERM_MODEL)
#define ARM_SMMU_GUEST_IDR1	IDR1_SSIDSIZE
#define ARM_SMMU_GUEST_IDR3	(IDR3_HAD | IDR3_RIL | IDR3_BBML)
#define ARM_SMMU_GUEST_IDR5	(IDR5_OAS | IDR5_GRAN4K | IDR5_GRAN16K | \
				 IDR5_GRAN64K | IDR5_VAX)

/* CDs per leaf of a two-level table, as a logarithm */
#define ARM_SMMU_GUEST_SPLIT	10U
static_assert(1 << ARM_SMMU_GUEST_SPLIT == CTXDESC_L2_ENTRIES);

/*
 * Commands that a range becomes at most: those of one invalidation are one batch.
 * ADDR has no cache of CDs, and what has one needs three commands.
 */
#define ARM_SMMU_GUEST_GRANULES	CMDQ_BATCH_ENTRIES

/**
 * struct arm_smmu_guest_table - table of CDs of a guest, for one device
 * @domain: nested
 * @dev: the only device that it is for
 * @parent: stage 2; outlives the table
 * @config: what the guest has set
 */
struct arm_smmu_guest_table {
	struct iommu_domain domain;
	struct device *dev;
	struct arm_smmu_domain *parent;
	struct iommu_pasid_table_config config;
};

static const struct iommu_domain_ops arm_smmu_guest_table_ops;

static struct arm_smmu_guest_table *to_guest_table(struct iommu_domain *domain)
{
	return container_of(domain, struct arm_smmu_guest_table, domain);
}

/* ------------------------------------------------------- what is on offer */

/* A device with several streams would have its table cached under each of them. */
static bool arm_smmu_guest_capable(const struct arm_smmu_master *master)
{
	const u32 features = ARM_SMMU_GUEST_FEATURES;

	return (master->smmu->features & features) == features &&
	       !master->stall_enabled && master->num_streams == 1;
}

/* Updates of tables by hardware; the firmware may know that the platform cannot */
static u32 arm_smmu_guest_httu(const struct arm_smmu_device *smmu)
{
	if (smmu->features & ARM_SMMU_FEAT_HD)
		return IDR0_HTTU_ACCESS_DIRTY;
	return smmu->features & ARM_SMMU_FEAT_HA ? IDR0_HTTU_ACCESS : 0;
}

static int arm_smmu_guest_nesting_info(struct device *dev,
				       struct iommu_domain *parent,
				       struct iommu_nesting_info *info)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct iommu_nesting_info_arm_smmuv3 *smmuv3 = &info->vendor.smmuv3;
	struct arm_smmu_device *smmu = master->smmu;

	if (!arm_smmu_guest_capable(master) ||
	    !(parent->type & __IOMMU_DOMAIN_PAGING) ||
	    !to_smmu_domain(parent)->nest_parent ||
	    to_smmu_domain(parent)->smmu != smmu)
		return -EOPNOTSUPP;

	info->format = IOMMU_PASID_FORMAT_ARM_SMMU_V3;
	info->features = IOMMU_NESTING_FEAT_CACHE_INVLD |
			 IOMMU_NESTING_FEAT_BIND_PASID_TABLE;
	smmuv3->idr[0] = readl_relaxed(smmu->base + ARM_SMMU_IDR0) &
			 ARM_SMMU_GUEST_IDR0;
	smmuv3->idr[0] |= FIELD_PREP(IDR0_STALL_MODEL, IDR0_STALL_MODEL_NONE) |
			  FIELD_PREP(IDR0_HTTU, arm_smmu_guest_httu(smmu));
	smmuv3->idr[1] = readl_relaxed(smmu->base + ARM_SMMU_IDR1) &
			 ARM_SMMU_GUEST_IDR1;
	smmuv3->idr[3] = readl_relaxed(smmu->base + ARM_SMMU_IDR3) &
			 ARM_SMMU_GUEST_IDR3;
	smmuv3->idr[5] = readl_relaxed(smmu->base + ARM_SMMU_IDR5) &
			 ARM_SMMU_GUEST_IDR5;
	return 0;
}

/* The number of PASID bits that a table may cover */
static unsigned int arm_smmu_guest_pasid_bits(struct device *dev)
{
	return dev->iommu->max_pasids ? ilog2(dev->iommu->max_pasids) : 0;
}

static void arm_smmu_guest_device_info(struct device *dev,
				       struct iommu_guest_device_info *info)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	int features;

	info->pasid_bits = arm_smmu_guest_pasid_bits(dev);
	info->ats = master->ats_enabled;
	if (!dev_is_pci(dev))
		return;
	features = pci_pasid_features(to_pci_dev(dev));
	if (info->pasid_bits && features > 0) {
		info->exec = features & PCI_PASID_CAP_EXEC;
		info->priv = features & PCI_PASID_CAP_PRIV;
	}
	info->virtfn = to_pci_dev(dev)->is_virtfn;
}

/* ----------------------------------------------------------- the table */

VISIBLE_IF_KUNIT
void arm_smmu_guest_make_ste(struct arm_smmu_ste *target,
			     struct arm_smmu_master *master,
			     struct arm_smmu_domain *parent,
			     const struct iommu_pasid_table_config *config)
{
	const struct iommu_pasid_smmuv3 *smmuv3 = &config->vendor_data.smmuv3;
	u64 low, high;

	if (config->config == IOMMU_PASID_CONFIG_ABORT) {
		arm_smmu_make_abort_ste(target);
		return;
	}
	arm_smmu_make_s2_domain_ste(target, master, parent, false);
	if (config->config == IOMMU_PASID_CONFIG_BYPASS)
		return;

	low = STRTAB_STE_0_V |
	      FIELD_PREP(STRTAB_STE_0_CFG, STRTAB_STE_0_CFG_NESTED) |
	      FIELD_PREP(STRTAB_STE_0_S1FMT, smmuv3->s1fmt) |
	      (config->base_ptr & STRTAB_STE_0_S1CTXPTR_MASK) |
	      FIELD_PREP(STRTAB_STE_0_S1CDMAX, config->pasid_bits);

	/*
	 * Stage 1 is in the regime of EL1, whatever the host's own is in. With
	 * STALLD a CD that asks for stalls is not valid.
	 */
	high = FIELD_PREP(STRTAB_STE_1_S1DSS, smmuv3->s1dss) |
	       FIELD_PREP(STRTAB_STE_1_S1CIR, STRTAB_STE_1_S1C_CACHE_WBRA) |
	       FIELD_PREP(STRTAB_STE_1_S1COR, STRTAB_STE_1_S1C_CACHE_WBRA) |
	       FIELD_PREP(STRTAB_STE_1_S1CSH, ARM_SMMU_SH_ISH) |
	       FIELD_PREP(STRTAB_STE_1_STRW, STRTAB_STE_1_STRW_NSEL1);
	if (master->smmu->features & ARM_SMMU_FEAT_STALLS)
		high |= STRTAB_STE_1_S1STALLD;

	target->data[0] = cpu_to_le64(low);
	target->data[1] |= cpu_to_le64(high);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_guest_make_ste);

/* Bytes that hardware reads from the base on, which is also what aligns it */
static u64 arm_smmu_guest_table_size(const struct iommu_pasid_table_config *config)
{
	unsigned int bits = config->pasid_bits;

	if (config->vendor_data.smmuv3.s1fmt == STRTAB_STE_0_S1FMT_LINEAR)
		return (u64)sizeof(struct arm_smmu_cd) << bits;
	bits -= min(bits, ARM_SMMU_GUEST_SPLIT);
	return max((u64)sizeof(struct arm_smmu_cdtab_l1) << bits, SZ_64);
}

VISIBLE_IF_KUNIT
int arm_smmu_guest_check_config(const struct arm_smmu_device *smmu,
				unsigned int pasid_bits,
				const struct iommu_domain *parent,
				const struct iommu_pasid_table_config *config)
{
	const struct iommu_pasid_smmuv3 *smmuv3 = &config->vendor_data.smmuv3;

	if (config->config != IOMMU_PASID_CONFIG_TRANSLATE)
		return 0;
	if (config->pasid_bits > pasid_bits)
		return -ERANGE;
	if (!config->pasid_bits && (smmuv3->s1fmt || smmuv3->s1dss))
		return -EINVAL;
	if (smmuv3->s1fmt != STRTAB_STE_0_S1FMT_LINEAR &&
	    (smmuv3->s1fmt != STRTAB_STE_0_S1FMT_64K_L2 ||
	     !(smmu->features & ARM_SMMU_FEAT_2_LVL_CDTAB)))
		return -EOPNOTSUPP;

	/* All sizes are powers of two: it ends in the aperture that it begins in. */
	if (!IS_ALIGNED(config->base_ptr, arm_smmu_guest_table_size(config)) ||
	    config->base_ptr > parent->geometry.aperture_end)
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_guest_check_config);

static struct iommu_domain *
arm_smmu_guest_alloc_table(struct device *dev, struct iommu_domain *parent,
			   const struct iommu_pasid_table_config *config)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct arm_smmu_guest_table *table;
	int ret;

	ret = arm_smmu_guest_check_config(master->smmu, arm_smmu_guest_pasid_bits(dev),
					  parent, config);
	if (ret)
		return ERR_PTR(ret);

	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);
	table->domain.type = IOMMU_DOMAIN_NESTED;
	table->domain.ops = &arm_smmu_guest_table_ops;
	table->dev = dev;
	table->parent = to_smmu_domain(parent);
	table->config = *config;
	return &table->domain;
}

static void arm_smmu_guest_free_table(struct iommu_domain *domain)
{
	kfree(to_guest_table(domain));
}

static struct iommu_domain *arm_smmu_guest_msi_domain(struct iommu_domain *domain)
{
	return &to_guest_table(domain)->parent->domain;
}

/**
 * arm_smmu_guest_forget() - Forget what was cached of a table of a guest
 * @master: the device, which does not use @domain any more, or has just begun to
 * @domain: of any type, or NULL
 *
 * Also of the CDs when the entry has not changed: the same base may have another
 * table behind it. Then it is called for both domains, and what the first call did
 * to the CDs is complete before the second one gets to the TLB. In all other cases
 * the CDs went with the entry before.
 *
 * Context: Process context. Waits for the hardware.
 */
void arm_smmu_guest_forget(struct arm_smmu_master *master,
			   struct iommu_domain *domain)
{
	struct arm_smmu_cmdq_batch cmds;
	struct arm_smmu_cmdq_ent cmd = {
		.opcode = CMDQ_OP_CFGI_CD_ALL,
		.cfgi.sid = master->streams[0].id,
	};

	if (!domain || domain->ops != &arm_smmu_guest_table_ops)
		return;
	arm_smmu_cmdq_batch_init(master->smmu, &cmds, &cmd);
	arm_smmu_cmdq_batch_add(master->smmu, &cmds, &cmd);
	cmd = (struct arm_smmu_cmdq_ent) {
		.opcode = CMDQ_OP_TLBI_NH_ALL,
		.tlbi.vmid = to_guest_table(domain)->parent->s2_cfg.vmid,
	};
	arm_smmu_cmdq_batch_add(master->smmu, &cmds, &cmd);
	arm_smmu_cmdq_batch_submit(master->smmu, &cmds);
}

static int arm_smmu_guest_attach_table(struct iommu_domain *domain,
				       struct device *dev)
{
	struct arm_smmu_guest_table *table = to_guest_table(domain);
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct arm_smmu_attach_state state = {
		.master = master,
		.old_domain = iommu_get_domain_for_dev(dev),
		.ssid = IOMMU_NO_PASID,
	};
	struct arm_smmu_ste ste;
	int ret;

	/* The group may have got another device since, which has no part in it. */
	if (table->dev != dev)
		return -EINVAL;
	if (arm_smmu_ssids_in_use(&master->cd_table))
		return -EBUSY;

	mutex_lock(&arm_smmu_asid_lock);
	ret = arm_smmu_attach_prepare(&state, domain);
	if (!ret) {
		arm_smmu_guest_make_ste(&ste, master, table->parent, &table->config);
		arm_smmu_install_ste_for_dev(master, &ste);
		arm_smmu_attach_commit(&state);
	}
	mutex_unlock(&arm_smmu_asid_lock);
	if (!ret)
		arm_smmu_guest_forget(master, domain);
	return ret;
}

static const struct iommu_domain_ops arm_smmu_guest_table_ops = {
	.attach_dev = arm_smmu_guest_attach_table,
	.msi_domain = arm_smmu_guest_msi_domain,
	.free = arm_smmu_guest_free_table,
};

/* ------------------------------------------------------- invalidations */

static void arm_smmu_guest_add_entries(struct arm_smmu_master *master,
				       const struct iommu_cache_invalidate_info *info,
				       struct arm_smmu_cmdq_batch *cmds)
{
	const struct iommu_inv_pasid_info *pasid = &info->granu.pasid_info;
	struct arm_smmu_device *smmu = master->smmu;
	struct arm_smmu_cmdq_ent cmd = {
		.opcode = CMDQ_OP_CFGI_CD_ALL,
		.cfgi.sid = master->streams[0].id,
	};

	if (info->granularity == IOMMU_INV_GRANU_PASID &&
	    pasid->flags & IOMMU_INV_PASID_FLAGS_PASID) {
		/* Nothing is cached of what no table can cover. */
		if (pasid->pasid >> smmu->ssid_bits)
			return;
		cmd.opcode = CMDQ_OP_CFGI_CD;
		cmd.cfgi.ssid = pasid->pasid;
	}
	arm_smmu_cmdq_batch_add(smmu, cmds, &cmd);
}

static void arm_smmu_guest_add_pasid(struct arm_smmu_device *smmu,
				     const struct iommu_inv_pasid_info *info,
				     struct arm_smmu_cmdq_ent *cmd,
				     struct arm_smmu_cmdq_batch *cmds)
{
	/* The ASID is in the CD, which the host does not read. */
	if (info->flags & IOMMU_INV_PASID_FLAGS_ARCHID) {
		if (info->archid >> smmu->asid_bits)
			return;
		cmd->opcode = CMDQ_OP_TLBI_NH_ASID;
		cmd->tlbi.asid = info->archid;
	}
	arm_smmu_cmdq_batch_add(smmu, cmds, cmd);
}

/*
 * No range command: that wants to know the size of the pages, where a granule says
 * no more than what these are not smaller than. Past the limit everything goes, as
 * an invalidation by ASID leaves global entries.
 */
static void arm_smmu_guest_add_addr(struct arm_smmu_device *smmu,
				    const struct iommu_inv_addr_info *info,
				    struct arm_smmu_cmdq_ent *cmd,
				    struct arm_smmu_cmdq_batch *cmds)
{
	unsigned int i;

	if (info->flags & IOMMU_INV_ADDR_FLAGS_ARCHID &&
	    info->archid >> smmu->asid_bits)
		return;
	if (info->nb_granules > ARM_SMMU_GUEST_GRANULES) {
		arm_smmu_cmdq_batch_add(smmu, cmds, cmd);
		return;
	}

	cmd->opcode = CMDQ_OP_TLBI_NH_VAA;
	cmd->tlbi.leaf = info->flags & IOMMU_INV_ADDR_FLAGS_LEAF;
	if (info->flags & IOMMU_INV_ADDR_FLAGS_ARCHID) {
		cmd->opcode = CMDQ_OP_TLBI_NH_VA;
		cmd->tlbi.asid = info->archid;
	}
	for (i = 0; i < info->nb_granules; i++) {
		cmd->tlbi.addr = info->addr + i * info->granule_size;
		arm_smmu_cmdq_batch_add(smmu, cmds, cmd);
	}
}

static void arm_smmu_guest_add_iotlb(struct arm_smmu_device *smmu, u16 vmid,
				     const struct iommu_cache_invalidate_info *info,
				     struct arm_smmu_cmdq_batch *cmds)
{
	struct arm_smmu_cmdq_ent cmd = {
		.opcode = CMDQ_OP_TLBI_NH_ALL,
		.tlbi.vmid = vmid,
	};

	switch (info->granularity) {
	case IOMMU_INV_GRANU_PASID:
		arm_smmu_guest_add_pasid(smmu, &info->granu.pasid_info, &cmd, cmds);
		break;
	case IOMMU_INV_GRANU_ADDR:
		arm_smmu_guest_add_addr(smmu, &info->granu.addr_info, &cmd, cmds);
		break;
	default:
		arm_smmu_cmdq_batch_add(smmu, cmds, &cmd);
	}
}

/*
 * The commands for @info, which fit into one batch: CDs, then what came by them. In
 * between hardware has to be done with the CDs, or an access that has found one fills
 * the TLB again (4.7.3).
 */
VISIBLE_IF_KUNIT
void arm_smmu_guest_compose(struct arm_smmu_master *master, u16 vmid,
			    const struct iommu_cache_invalidate_info *info,
			    struct arm_smmu_cmdq_batch *cmds)
{
	struct arm_smmu_cmdq_ent cmd = { .opcode = CMDQ_OP_TLBI_NH_ALL };

	arm_smmu_cmdq_batch_init(master->smmu, cmds, &cmd);
	if (info->cache & IOMMU_CACHE_INV_TYPE_PASID)
		arm_smmu_guest_add_entries(master, info, cmds);
	if (cmds->num && info->cache & IOMMU_CACHE_INV_TYPE_IOTLB) {
		cmd.opcode = CMDQ_OP_CMD_SYNC;
		arm_smmu_cmdq_batch_add(master->smmu, cmds, &cmd);
	}
	if (info->cache & IOMMU_CACHE_INV_TYPE_IOTLB)
		arm_smmu_guest_add_iotlb(master->smmu, vmid, info, cmds);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_guest_compose);

/* With a table the device has no translation cache, see above. */
static void arm_smmu_guest_table_invalidate(struct device *dev,
					    struct iommu_domain *domain,
					    const struct iommu_cache_invalidate_info *info)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct arm_smmu_cmdq_batch cmds;

	arm_smmu_guest_compose(master, to_guest_table(domain)->parent->s2_cfg.vmid,
			       info, &cmds);
	if (cmds.num)
		arm_smmu_cmdq_batch_submit(master->smmu, &cmds);
}

/* -------------------------------------------------------------- events */

/* A fault of stage 2. What the guest can learn is which of its tables is missing. */
static void arm_smmu_guest_decode_s2(const u64 *evt,
				     struct iommu_fault_unrecoverable *event)
{
	switch (FIELD_GET(EVTQ_1_CLASS, evt[1])) {
	case EVTQ_1_CLASS_CD:
		event->reason = IOMMU_FAULT_REASON_PASID_FETCH;
		break;
	case EVTQ_1_CLASS_TT:
		event->reason = IOMMU_FAULT_REASON_WALK_EABT;
		break;
	default:
		event->reason = IOMMU_FAULT_REASON_UNKNOWN;
		return;
	}
	event->flags |= IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID;
	event->fetch_addr = evt[3] & EVTQ_3_IPA;
}

static u32 arm_smmu_guest_decode_perm(const u64 *evt)
{
	u32 perm = evt[1] & EVTQ_1_RnW ? IOMMU_FAULT_PERM_READ : IOMMU_FAULT_PERM_WRITE;

	if (evt[1] & EVTQ_1_InD)
		perm |= IOMMU_FAULT_PERM_EXEC;
	if (evt[1] & EVTQ_1_PnU)
		perm |= IOMMU_FAULT_PERM_PRIV;
	return perm;
}

/**
 * arm_smmu_guest_decode_evt() - Make a record of an event
 * @evt: the event
 * @fault: the record
 *
 * Addresses of the host do not get into it: the fetch address of an external abort is
 * one, that of a fault of stage 2 is the guest's.
 *
 * Return: Whether the event is of a transaction that nobody waits for, and the
 * business of the owner of the device. What is wrong with the stream table is not.
 *
 * Context: Any.
 */
bool arm_smmu_guest_decode_evt(const u64 *evt, struct iommu_fault *fault)
{
	static const u8 reasons[] = {
		[EVT_ID_STREAM_DISABLED] = IOMMU_FAULT_REASON_UNKNOWN,
		[EVT_ID_BAD_SUBSTREAMID] = IOMMU_FAULT_REASON_PASID_INVALID,
		[EVT_ID_CD_FETCH] = IOMMU_FAULT_REASON_PASID_FETCH,
		[EVT_ID_BAD_CD] = IOMMU_FAULT_REASON_BAD_PASID_ENTRY,
		[EVT_ID_WALK_EABT] = IOMMU_FAULT_REASON_WALK_EABT,
		[EVT_ID_TRANSLATION_FAULT] = IOMMU_FAULT_REASON_PTE_FETCH,
		[EVT_ID_ADDR_SIZE_FAULT] = IOMMU_FAULT_REASON_OOR_ADDRESS,
		[EVT_ID_ACCESS_FAULT] = IOMMU_FAULT_REASON_ACCESS,
		[EVT_ID_PERMISSION_FAULT] = IOMMU_FAULT_REASON_PERMISSION,
	};
	struct iommu_fault_unrecoverable event = {};
	u8 id = FIELD_GET(EVTQ_0_ID, evt[0]);

	switch (id) {
	case EVT_ID_TRANSLATION_FAULT:
	case EVT_ID_ADDR_SIZE_FAULT:
	case EVT_ID_ACCESS_FAULT:
	case EVT_ID_PERMISSION_FAULT:
		if (evt[1] & EVTQ_1_STALL)
			return false;
		fallthrough;
	case EVT_ID_WALK_EABT:
		event.flags = IOMMU_FAULT_UNRECOV_ADDR_VALID;
		event.addr = evt[2];
		event.perm = arm_smmu_guest_decode_perm(evt);
		break;
	case EVT_ID_STREAM_DISABLED:
	case EVT_ID_BAD_SUBSTREAMID:
	case EVT_ID_CD_FETCH:
	case EVT_ID_BAD_CD:
		break;
	default:
		return false;
	}

	event.reason = reasons[id];
	if (id >= EVT_ID_TRANSLATION_FAULT && evt[1] & EVTQ_1_S2)
		arm_smmu_guest_decode_s2(evt, &event);
	/* The record of a bad substream always has it, and no flag that says so. */
	if (id == EVT_ID_BAD_SUBSTREAMID || evt[0] & EVTQ_0_SSV) {
		event.flags |= IOMMU_FAULT_UNRECOV_PASID_VALID;
		event.pasid = FIELD_GET(EVTQ_0_SSID, evt[0]);
	}
	*fault = (struct iommu_fault) {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event = event,
	};
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_guest_decode_evt);

/*
 * Is everything handled that was in the queue when @handled events had been? It is
 * when the queue is empty, or when as many events were handled as it holds and the
 * one that was taken off it already. The queue began at 0, as the count did.
 */
VISIBLE_IF_KUNIT
bool arm_smmu_guest_evtq_passed(struct arm_smmu_device *smmu, unsigned long handled)
{
	struct arm_smmu_queue *q = &smmu->evtq.q;
	const u32 size = 1U << q->llq.max_n_shift;
	unsigned long now;

	KUNIT_STATIC_STUB_REDIRECT(arm_smmu_guest_evtq_passed, smmu, handled);

	/* Pairs with the thread: what it has counted is reported. */
	now = smp_load_acquire(&smmu->evtq.handled);
	return !((readl_relaxed(q->prod_reg) ^ now) & (2 * size - 1)) ||
	       now - handled > size;
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_guest_evtq_passed);

/* Nothing but the completion of a SYNC makes events visible (4.7.3). */
VISIBLE_IF_KUNIT
void arm_smmu_guest_sync(struct arm_smmu_device *smmu)
{
	struct arm_smmu_cmdq_ent cmd = { .opcode = CMDQ_OP_CMD_SYNC };
	struct arm_smmu_cmdq_batch cmds;

	KUNIT_STATIC_STUB_REDIRECT(arm_smmu_guest_sync, smmu);

	arm_smmu_cmdq_batch_init(smmu, &cmds, &cmd);
	arm_smmu_cmdq_batch_submit(smmu, &cmds);
}
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_guest_sync);

/*
 * Bounded: a queue that is not served must not keep a device from its owner's end.
 */
static void arm_smmu_guest_fault_flush(struct device *dev)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(dev);
	struct arm_smmu_device *smmu = master->smmu;
	unsigned long handled;
	bool passed;

	arm_smmu_guest_sync(smmu);
	handled = READ_ONCE(smmu->evtq.handled);
	if (read_poll_timeout(arm_smmu_guest_evtq_passed, passed, passed, 10,
			      ARM_SMMU_POLL_TIMEOUT_US, false, smmu, handled))
		dev_warn_once(smmu->dev, "event queue is not served\n");
}

const struct iommu_guest_ops arm_smmu_guest_ops = {
	.nesting_info		= arm_smmu_guest_nesting_info,
	.device_info		= arm_smmu_guest_device_info,
	.fault_flush		= arm_smmu_guest_fault_flush,
	.table_format		= IOMMU_PASID_FORMAT_SMMUV3,
	.domain_alloc_table	= arm_smmu_guest_alloc_table,
	.table_invalidate	= arm_smmu_guest_table_invalidate,
};
EXPORT_SYMBOL_IF_KUNIT(arm_smmu_guest_ops);
