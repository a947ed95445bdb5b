/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest SVA: an IOMMU and two devices in software, for tests
 *
 * The mock has a PASID table for each device, which says what hardware would
 * translate by, and a log of all it is asked for, in words:
 *
 *	rid0=1000	requests of device 0 without PASID use the table at 0x1000
 *	rid0=pass rid0=block	none, or are blocked
 *	rid0=1000!	refused
 *	alloc0=1000	domain for device 0 made of the table at 0x1000
 *	set0.a=1000	attached to PASID 0xa of device 0
 *	set0.a!		attach refused
 *	remove0.a=1000	detached
 *	stop0.a.b+1.a	PASIDs 0xa and 0xb of device 0, and 0xa of device 1, about to be
 *			detached together
 *	sync0		waited for threads that report page requests of device 0
 *	free=1000	domain freed
 *	iotlb0.a[0-fff]	invalidated; with a trailing "leaf" if only leaves
 *	devtlb0.a[0-fff]	the same in the cache of the device
 *	asleep0		device 0 was asked for something while it was suspended
 *	BIND.a UNBIND.a FREE.a	what the last notifier of the IOASID set was called for
 *	iopf0+ iopf0-	device 0 made to send page requests, or to stop
 *	answer0.a.3=1	answer with code 1 to group 3 of PASID 0xa of device 0
 *	drain0		waited for page requests of device 0 to be reported
 *	parent0 blocked0 table0=10000	attached to its second stage, to nothing, or to
 *			the PASID table at 0x10000, which hardware reads then
 *	parent0! table0=10000!	refused
 *	inv0=10000.3	the same table told of an invalidation with granularity 3
 *	reset0		device 0 was reset
 */
#ifndef __IOMMU_GUEST_MOCK_H
#define __IOMMU_GUEST_MOCK_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/ioasid.h>
#include <linux/iommu.h>
#include <linux/iommu-guest.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/pm.h>

#define MOCK_DEVICES	2
#define MOCK_PASIDS	128
#define MOCK_APERTURE	(BIT_ULL(39) - 1)

/*
 * PASID tables of the guest, a word for each PASID: the table of the PASID, and what
 * else there is. With MOCK_ENTRY_PASS or MOCK_ENTRY_BAD the table does not matter.
 */
#define MOCK_TABLES	2
#define MOCK_TABLE(i)	(0x10000ULL * ((i) + 1))
#define MOCK_ENTRY_PRESENT	BIT_ULL(0)
#define MOCK_ENTRY_PASS	BIT_ULL(1)
#define MOCK_ENTRY_BAD	BIT_ULL(2)
#define MOCK_ENTRY_QUIET	BIT_ULL(3)
/* Page requests that a device may have outstanding */
#define MOCK_CREDIT	64

struct mock_domain;

/**
 * struct mock_device - a device behind the mock
 * @pdev: the device
 * @attached: to the second stage
 * @table: what its PASIDs use, and in place of PASID 0 requests without
 * @blocked: requests without PASID are
 * @native: the PASID table that hardware reads, or NULL
 * @good_sets: number of attaches that succeed before @fail_sets counts
 * @fail_sets: number of attaches to be refused from now on
 * @fail_parents: the same of attaches to the second stage
 * @parent_error: with which error they are, -ENOMEM if 0
 * @calls: number of calls that were announced
 * @reserve_sets: number of attaches that might use the reserves of memory
 * @cut_off: invalidations of its cache are not completed
 * @pm: resumes it, unless @fail_resume
 * @fail_resume: error of a resume, 0 to let it succeed
 * @slow: held by a test to keep its detaches waiting
 * @request_on_set: PASID for which the device sends a request as soon as there
 *	is a handle, before the attach is through; 0 for none
 * @rid_request: the device sends a request without PASID as soon as the change of
 *	what translates those has begun
 * @groups: number of groups reported
 * @answers: number of answers given
 * @private_data: that came with the last answer
 * @resets: number of resets, which is in each request that the device sends
 * @stale: number of answers to requests of before a reset
 * @off: the device is being reset and sends nothing
 * @late: number of faults that are in the queue of the hardware
 * @stall: calls that wait for hardware take until @go_on is completed
 * @stalled: completed by such a call
 * @go_on: completed by a test
 */
struct mock_device {
	struct platform_device *pdev;
	bool attached;
	struct mock_domain *table[MOCK_PASIDS];
	bool blocked;
	struct mock_domain *native;
	unsigned int good_sets;
	unsigned int fail_sets;
	unsigned int fail_parents;
	int parent_error;
	unsigned int calls;
	unsigned int reserve_sets;
	bool cut_off;
	struct dev_pm_domain pm;
	int fail_resume;
	struct mutex slow; /* see above */
	u32 request_on_set;
	bool rid_request;
	atomic_t groups;
	atomic_t answers;
	u64 private_data[2];
	u64 resets;
	atomic_t stale;
	bool off;
	unsigned int late;
	bool stall;
	struct completion stalled;
	struct completion go_on;
};

/**
 * struct mock_guest - the mock and an owner of its devices
 * @iommu: registered with the IOMMU core
 * @hw: the device of @iommu
 * @devs: devices, both on @parent and in @ctx
 * @group: iommu group for the next device, NULL for one of its own
 * @parent: second stage
 * @set: PASIDs of the owner, 1 to MOCK_PASIDS - 1 are allocated
 * @ctx: what is tested
 * @nb: notifier of @set that comes last
 * @early: notifier of @set that comes before the context's
 * @on_free: called by @early for a PASID that is freed, or NULL
 * @fail_alloc: error of domain_alloc_gpasid, 0 to let it succeed
 * @mem: memory of the guest, with @tables in it
 * @tables: see MOCK_TABLE()
 * @fail_read: error of reads, 0 to let them succeed
 * @reads: words that were read of the tables
 * @on_read: called when a word was read of the table, or NULL
 * @takes_plain: a device without PASIDs takes part
 * @fail_iopf: error of making a device send page requests, 0 to let it succeed
 * @queue: of page requests
 * @prq: held by the one that reports a request, as drivers do
 * @waits: how often answers were waited for
 * @batches: how often invalidations were waited for
 * @lots: how often PASIDs were told to leave together
 * @leaving: how many those were, each on each device
 * @quiet: write no log
 * @lock: protects @log, which a worker writes to as well
 * @log: see above
 * @used: length of @log
 * @state: last result of mock_state()
 */
struct mock_guest {
	struct iommu_device iommu;
	struct platform_device *hw;
	struct mock_device devs[MOCK_DEVICES];
	struct iommu_group *group;
	struct iommu_domain *parent;
	struct ioasid_set *set;
	struct iommu_guest_ctx *ctx;
	struct notifier_block nb;
	struct notifier_block early;
	void (*on_free)(struct mock_guest *mock, ioasid_t id);
	int fail_alloc;
	struct iommu_guest_memory mem;
	u64 tables[MOCK_TABLES][MOCK_PASIDS];
	int fail_read;
	unsigned int reads;
	void (*on_read)(struct mock_guest *mock);
	bool takes_plain;
	int fail_iopf;
	struct iopf_queue *queue;
	struct mutex prq; /* see above */
	atomic_t waits;
	unsigned int batches;
	unsigned int lots;
	unsigned int leaving;
	bool quiet;
	struct mutex lock; /* see above */
	char log[2048];
	size_t used;
	char state[512];
};

struct mock_guest *mock_guest_create(void);
void mock_guest_close(struct mock_guest *mock);
unsigned int mock_guest_destroy(struct mock_guest *mock);

void mock_native_ops(struct iommu_guest_ops *ops);

struct device *mock_dev(struct mock_guest *mock, unsigned int index);
struct platform_device *mock_add_device(struct mock_guest *mock,
					struct iommu_group *group);
void mock_clear_log(struct mock_guest *mock);
const char *mock_state(struct mock_guest *mock);
int mock_report_event(struct mock_guest *mock, unsigned int index,
		      struct iopf_fault *event);
int mock_report(struct mock_guest *mock, unsigned int index,
		const struct iommu_fault *fault);
void mock_report_late(struct mock_guest *mock, unsigned int index);
int mock_request(struct mock_guest *mock, unsigned int index, u32 pasid,
		 u32 grpid, u64 addr, bool last);
int mock_request_rid(struct mock_guest *mock, unsigned int index, u32 grpid,
		     u64 addr);
void mock_reset(struct mock_guest *mock, unsigned int index,
		void (*between)(void *arg), void *arg);

#endif /* __IOMMU_GUEST_MOCK_H */
