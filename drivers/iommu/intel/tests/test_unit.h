/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VT-d unit made of memory, for KUnit tests of the driver
 *
 * The driver runs as it is. Its registers are a buffer, its invalidation queue
 * is served by a timer of another CPU, which completes the wait descriptors and
 * writes down all others, with the state of a PASID at that moment. The submitter
 * waits meanwhile, so that the timer may look at the driver's data without locks.
 * (A thread would not do: when all CPUs are stopped it would wait for the
 * submitter's, and the submitter for the thread.)
 *
 * A device behind the unit completes invalidations of its cache or does not; then
 * the queue stops with a time-out, as in hardware.
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
#define TEST_DEVICES	2
#define TEST_SID	PCI_DEVID(TEST_BUS, PCI_DEVFN(1, 0))	/* of the first device */
#define TEST_LOG	1024
#define TEST_EVER	UINT_MAX

/**
 * struct test_desc - A descriptor that the unit has come to
 * @desc: the descriptor; waits are written down if they fence or drain
 * @leaf: the part of the PASID table with the watched PASID was in the directory
 * @present: so was its entry in that part
 * @did_held: an id of a domain was in use
 * @tagged: the domain that is looked at had cache tags
 * @locked: the lock of these was held
 */
struct test_desc {
	struct qi_desc desc;
	bool leaf;
	bool present;
	bool did_held;
	bool tagged;
	bool locked;
};

/**
 * struct test_device - A device behind the unit
 * @pdev: the device
 * @info: what the driver knows of it
 * @capacity: the outstanding page requests that it says it can have
 * @dead: how many invalidations it will not complete
 * @delay_ms: how much longer than others it takes to complete
 * @gone: it was pulled out
 */
struct test_device {
	struct pci_dev pdev;
	struct device_domain_info info;
	u32 capacity;
	unsigned int dead;
	unsigned int delay_ms;
	bool gone;

	/* private: of test_unit.c */
	struct dev_iommu dev_iommu;
	struct iommu_group *group;
};

/**
 * struct test_unit - The unit, and the devices behind it
 * @iommu: the unit
 * @reg: its registers
 * @prq: its page request queue
 * @domain_ids: its bitmap of domain ids, of which there are 16
 * @devices: the devices
 * @delay_ms: how long a device takes to complete, and the unit to give up
 * @watched: PASID of the first device that is looked at with each descriptor
 * @domain: likewise, or NULL
 * @log: what the unit has seen
 * @logged: number of entries in @log, which is a ring
 * @waits: wait descriptors that the driver has waited for
 * @timeouts: of invalidations
 */
struct test_unit {
	struct intel_iommu iommu;
	void *reg;
	u64 (*prq)[4];
	unsigned long domain_ids;
	struct test_device devices[TEST_DEVICES];
	unsigned int delay_ms;

	u32 watched;
	struct dmar_domain *domain;
	struct test_desc log[TEST_LOG];
	unsigned int logged;
	unsigned int waits;
	unsigned int timeouts;

	/* private: of test_unit.c */
	struct q_inval qi;
	struct page *queue;
	struct pci_bus bus;
	struct pci_sysdata sysdata;
	struct hrtimer server;
	unsigned int head;	/* of the queue */
	bool busy;		/* with the descriptor there */
	ktime_t due;		/* when it is done */
	bool stopped;		/* by a time-out that is not handled yet */
	int room;		/* in the queue, kept back meanwhile */
	unsigned int timeout_ms; /* parameters, to be put back */
	unsigned int slow_ms;
};

/* For kunit_suite: the unit is at test->priv. */
int test_unit_init(struct kunit *test);
void test_unit_exit(struct kunit *test);

/* The first device */
static inline struct device *test_unit_dev(struct test_unit *unit)
{
	return &unit->devices[0].pdev.dev;
}

static inline struct device_domain_info *test_unit_info(struct test_unit *unit)
{
	return &unit->devices[0].info;
}

static inline u16 test_device_sid(struct test_device *device)
{
	return PCI_DEVID(device->info.bus, device->info.devfn);
}

/* The entry of a device in the table of its bus */
struct context_entry *test_unit_context(struct test_unit *unit, unsigned int device);

/* Entry of the directory, and of the table or NULL */
struct pasid_dir_entry *test_unit_pde(struct test_unit *unit, u32 pasid);
struct pasid_entry *test_unit_entry(struct test_unit *unit, u32 pasid);

/* A second stage, one that tables of guests can nest on, and a table on it */
struct dmar_domain *test_unit_second_stage(struct kunit *test);
struct dmar_domain *test_unit_parent(struct kunit *test);
struct dmar_domain *test_unit_nested(struct kunit *test, struct dmar_domain *parent,
				     u64 table);

/* What the driver does to attach and detach, without its look at the machine */
void test_unit_attach(struct kunit *test, struct dmar_domain *domain, u32 pasid);
void test_unit_detach(struct kunit *test, struct dmar_domain *domain, u32 pasid);

/* Invalidate a page in the cache of a device */
void test_unit_invalidate(struct test_unit *unit, unsigned int device);

/* Let the device send page requests that the kernel handles */
void test_unit_enable_pri(struct kunit *test);
void test_unit_disable_pri(struct kunit *test);

/* A page request that the unit puts into its queue */
void test_unit_request(struct test_unit *unit, u64 qw0, u64 qw1, u64 private0,
		       u64 private1);

/* Descriptors in the log that are for the cache of the device with @sid */
unsigned int test_unit_count_device(struct test_unit *unit, u16 sid);
unsigned int test_unit_count_type(struct test_unit *unit, u8 type);

static inline u64 test_unit_type(const struct test_unit *unit, unsigned int index)
{
	return unit->log[index % TEST_LOG].desc.qw0 & 0xf;
}

#endif
