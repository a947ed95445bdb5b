/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VT-d unit made of memory, for KUnit tests of the driver
 *
 * The driver runs as it is. Its registers are a buffer, its invalidation queue
 * is served by a timer of another CPU, which completes the wait descriptors and
 * writes down all others, with the state of a PASID at that moment. The submitter
 * spins meanwhile, so that the timer may look at the driver's data without locks.
 * (A thread would not do: when all CPUs are stopped it would wait for the
 * submitter's, and the submitter for the thread.)
 */
#ifndef _VTD_TEST_UNIT_H
#define _VTD_TEST_UNIT_H

#include <kunit/test.h>
#include <linux/hrtimer.h>
#include <linux/pci.h>

#include "../iommu.h"
#include "../pasid.h"
#include "../../iommu-priv.h"

#define TEST_BUS	3
#define TEST_DEVFN	PCI_DEVFN(1, 0)
#define TEST_SID	PCI_DEVID(TEST_BUS, TEST_DEVFN)
#define TEST_LOG	64

/**
 * struct test_desc - A descriptor that the unit has come to
 * @desc: the descriptor; waits are written down if they fence or drain
 * @leaf: the part of the PASID table with the watched PASID was in the directory
 * @present: so was its entry in that part
 * @did_held: an id of a domain was in use
 */
struct test_desc {
	struct qi_desc desc;
	bool leaf;
	bool present;
	bool did_held;
};

/**
 * struct test_unit - The unit, and one device behind it
 * @iommu: the unit
 * @reg: its registers
 * @prq: its page request queue
 * @domain_ids: its bitmap of domain ids, of which there are 16
 * @pdev: the device
 * @info: what the driver knows of it
 * @capacity: the outstanding page requests that the device says it can have
 * @gone: the device was pulled out
 * @watched: PASID that is looked at with each descriptor
 * @log: what the unit has seen
 * @logged: number of entries in @log, which is a ring
 */
struct test_unit {
	struct intel_iommu iommu;
	void *reg;
	u64 (*prq)[4];
	unsigned long domain_ids;

	struct pci_dev pdev;
	struct device_domain_info info;
	u32 capacity;
	bool gone;

	u32 watched;
	struct test_desc log[TEST_LOG];
	unsigned int logged;

	/* private: of test_unit.c */
	struct q_inval qi;
	struct page *queue;
	struct pci_bus bus;
	struct dev_iommu dev_iommu;
	struct iommu_group *group;
	struct hrtimer server;
	unsigned int head;
};

/* For kunit_suite: the unit is at test->priv. */
int test_unit_init(struct kunit *test);
void test_unit_exit(struct kunit *test);

static inline struct device *test_unit_dev(struct test_unit *unit)
{
	return &unit->pdev.dev;
}

/* Entry of the directory, and of the table or NULL */
struct pasid_dir_entry *test_unit_pde(struct test_unit *unit, u32 pasid);
struct pasid_entry *test_unit_entry(struct test_unit *unit, u32 pasid);

/* A second stage that tables of guests can nest on, and a table on it */
struct dmar_domain *test_unit_parent(struct kunit *test);
struct dmar_domain *test_unit_nested(struct kunit *test, struct dmar_domain *parent,
				     u64 table);

/* What the driver does to attach and detach, without its look at the machine */
void test_unit_attach(struct kunit *test, struct dmar_domain *domain, u32 pasid);
void test_unit_detach(struct kunit *test, struct dmar_domain *domain, u32 pasid);

/* Let the device send page requests that the kernel handles */
void test_unit_enable_pri(struct kunit *test);
void test_unit_disable_pri(struct kunit *test);

/* A page request that the unit puts into its queue */
void test_unit_request(struct test_unit *unit, u64 qw0, u64 qw1, u64 private0,
		       u64 private1);

static inline u64 test_unit_type(const struct test_unit *unit, unsigned int index)
{
	return unit->log[index % TEST_LOG].desc.qw0 & 0xf;
}

#endif
