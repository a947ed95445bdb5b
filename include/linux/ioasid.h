/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O address space ids (PASIDs): sets, ids, set-private ids, notifications
 *
 * See Documentation/driver-api/ioasid.rst for the model.
 */
#ifndef __LINUX_IOASID_H
#define __LINUX_IOASID_H

#include <linux/bits.h>
#include <linux/gfp_types.h>
#include <linux/iommu.h>
#include <linux/limits.h>
#include <linux/notifier.h>
#include <linux/types.h>

struct ioasid_set;
struct mm_struct;

#define INVALID_IOASID		IOMMU_PASID_INVALID

/* A PASID has 20 bits on the wire (PCIe 6.0, 6.20); no id is ever above. */
#define IOASID_CAPACITY_MAX	0x100000

/* Quota of a new set: take the default, module parameter ioasid.default_quota */
#define IOASID_QUOTA_DEFAULT	0

/**
 * enum ioasid_set_scope - where the ids of a set are unique
 * @IOASID_SET_SHARED: host-wide. For ids that reach a device or a work queue
 *	which several owners use at the same time.
 * @IOASID_SET_PRIVATE: in the set only. For devices that the owner of the set
 *	holds exclusively: two such sets may both have id 1.
 */
enum ioasid_set_scope {
	IOASID_SET_SHARED = 1,
	IOASID_SET_PRIVATE = 2,
};

/**
 * struct ioasid_set_info - what the owner of a set may want to know
 * @quota: number of ids that the set may hold
 * @used: number of ids it holds, those included that are being freed
 * @min: lowest id that an allocation from the set can return
 * @max: highest id that an allocation from the set can return
 */
struct ioasid_set_info {
	unsigned int quota;
	unsigned int used;
	ioasid_t min;
	ioasid_t max;
};

/**
 * enum ioasid_notify_val - the transitions of an id that notifiers hear of
 * @IOASID_NOTIFY_ALLOC: the id was allocated
 * @IOASID_NOTIFY_FREE: the id was freed. It cannot be looked up any more, and
 *	it is not handed out again before every notifier has returned and the
 *	last reference is gone.
 * @IOASID_NOTIFY_BIND: a set-private id was attached
 * @IOASID_NOTIFY_UNBIND: the set-private id was detached. Not sent when the
 *	id is freed with its set-private id: FREE ends the binding as well.
 */
enum ioasid_notify_val {
	IOASID_NOTIFY_ALLOC = 1,
	IOASID_NOTIFY_FREE = 2,
	IOASID_NOTIFY_BIND = 3,
	IOASID_NOTIFY_UNBIND = 4,
};

/* The events of a notifier that hears of everything */
#define IOASID_NOTIFY_ALL						\
	(BIT(IOASID_NOTIFY_ALLOC) | BIT(IOASID_NOTIFY_FREE) |		\
	 BIT(IOASID_NOTIFY_BIND) | BIT(IOASID_NOTIFY_UNBIND))

/**
 * enum ioasid_notifier_prios - order of the notifiers of one event
 * @IOASID_PRIO_LAST: only watches
 * @IOASID_PRIO_IOMMU: stops translation
 * @IOASID_PRIO_DEVICE: stops and drains devices
 * @IOASID_PRIO_CPU: stops the sources of new work
 *
 * The higher priority runs first, whether it is registered for one set or for
 * all. Equal priorities run in order of registration, those of the set first.
 */
enum ioasid_notifier_prios {
	IOASID_PRIO_LAST,
	IOASID_PRIO_IOMMU,
	IOASID_PRIO_DEVICE,
	IOASID_PRIO_CPU,
};

/**
 * struct ioasid_nb_args - third argument of a notifier
 * @id: the id; it stays taken until the notifier has returned
 * @spid: the set-private id, %INVALID_IOASID if there is none
 * @set: the set that owns @id
 * @pdata: private data of @id at the time of the event, or NULL. Its owner
 *	sees to it that it outlives the notifiers.
 */
struct ioasid_nb_args {
	ioasid_t id;
	ioasid_t spid;
	struct ioasid_set *set;
	void *pdata;
};

/* For the IOMMU core, which is there without the IOASID core as well. */
#if IS_ENABLED(CONFIG_IOASID)
void ioasid_install_capacity(ioasid_t total);
#else
static inline void ioasid_install_capacity(ioasid_t total)
{
}
#endif

/* All others select IOASID. */
ioasid_t ioasid_get_capacity(void);

struct ioasid_set *ioasid_system_set(void);
struct ioasid_set *ioasid_set_alloc(struct mm_struct *token,
				    unsigned int quota,
				    enum ioasid_set_scope scope);
void ioasid_set_get(struct ioasid_set *set);
void ioasid_set_put(struct ioasid_set *set);
struct ioasid_set *ioasid_find_mm_set(struct mm_struct *token,
				      struct ioasid_set *from);
int ioasid_adjust_set(struct ioasid_set *set, unsigned int quota);
void ioasid_set_get_info(struct ioasid_set *set, struct ioasid_set_info *info);
void ioasid_set_for_each_ioasid(struct ioasid_set *set,
				void (*fn)(ioasid_t id, void *data),
				void *data);
void ioasid_set_flush(struct ioasid_set *set);

int ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max,
		 void *private, gfp_t gfp);
int ioasid_free(struct ioasid_set *set, ioasid_t id);
void ioasid_free_range(struct ioasid_set *set, ioasid_t min, ioasid_t max);
int ioasid_get(struct ioasid_set *set, ioasid_t id);
bool ioasid_put(struct ioasid_set *set, ioasid_t id);
void *ioasid_find(struct ioasid_set *set, ioasid_t id,
		  bool (*getter)(void *private));
int ioasid_attach_data(struct ioasid_set *set, ioasid_t id, void *private);
void ioasid_detach_data(struct ioasid_set *set, ioasid_t id);

int ioasid_attach_spid(struct ioasid_set *set, ioasid_t id, ioasid_t spid);
void ioasid_detach_spid(struct ioasid_set *set, ioasid_t id);
int ioasid_find_by_spid(struct ioasid_set *set, ioasid_t spid, bool get);
int ioasid_find_spid(struct ioasid_set *set, ioasid_t id);

int ioasid_register_notifier(struct ioasid_set *set, struct notifier_block *nb,
			     u32 events);
void ioasid_unregister_notifier(struct ioasid_set *set,
				struct notifier_block *nb);

/**
 * ioasid_free_all_in_set() - Free every id of a set
 * @set: the set
 *
 * See ioasid_free_range().
 *
 * Context: Process context, takes and drops the id lock for each id.
 */
static inline void ioasid_free_all_in_set(struct ioasid_set *set)
{
	ioasid_free_range(set, 0, INVALID_IOASID);
}

#endif /* __LINUX_IOASID_H */
