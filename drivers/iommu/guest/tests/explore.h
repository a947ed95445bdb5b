/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest SVA: two threads in every order, for tests
 *
 * Two threads run one at a time. At a point, which is where one is about to take
 * a lock, has given one up, or is about to talk to hardware, it stops, and the
 * explorer says who goes on. With CONFIG_IOMMU_GUEST_EXPLORE this header comes
 * before each file of the directory, and puts points around its locks.
 *
 * There is no point where a thread must not sleep.
 */
#ifndef __IOMMU_GUEST_EXPLORE_H
#define __IOMMU_GUEST_EXPLORE_H

#ifndef __ASSEMBLY__
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

void explore_point(void);
void explore_atomic(int depth);

static inline void explore_mutex_lock(struct mutex *lock)
{
	explore_point();
	mutex_lock(lock);
}

static inline int explore_mutex_lock_killable(struct mutex *lock)
{
	explore_point();
	return mutex_lock_killable(lock);
}

static inline void explore_mutex_unlock(struct mutex *lock)
{
	mutex_unlock(lock);
	explore_point();
}

static inline void explore_spin_lock(spinlock_t *lock)
{
	explore_point();
	spin_lock(lock);
	explore_atomic(1);
}

static inline void explore_spin_unlock(spinlock_t *lock)
{
	explore_atomic(-1);
	spin_unlock(lock);
	explore_point();
}

/* The same, for guard() and scoped_guard() */
static inline class_mutex_t explore_mutex_constructor(struct mutex *lock)
{
	explore_point();
	return class_mutex_constructor(lock);
}

static inline void explore_mutex_destructor(class_mutex_t *guard)
{
	class_mutex_destructor(guard);
	explore_point();
}

static inline class_spinlock_t explore_spinlock_constructor(spinlock_t *lock)
{
	explore_point();
	explore_atomic(1);
	return class_spinlock_constructor(lock);
}

static inline void explore_spinlock_destructor(class_spinlock_t *guard)
{
	class_spinlock_destructor(guard);
	explore_atomic(-1);
	explore_point();
}

static inline class_rcu_t explore_rcu_constructor(void)
{
	explore_atomic(1);
	return class_rcu_constructor();
}

static inline void explore_rcu_destructor(class_rcu_t *guard)
{
	class_rcu_destructor(guard);
	explore_atomic(-1);
}

/* mutex.h has macros of its own if lockdep is there. */
#undef mutex_lock
#undef mutex_lock_killable
#define mutex_lock explore_mutex_lock
#define mutex_lock_killable explore_mutex_lock_killable
#define mutex_unlock explore_mutex_unlock
#define spin_lock explore_spin_lock
#define spin_unlock explore_spin_unlock
#define class_mutex_constructor explore_mutex_constructor
#define class_mutex_destructor explore_mutex_destructor
#define class_spinlock_constructor explore_spinlock_constructor
#define class_spinlock_destructor explore_spinlock_destructor
#define class_rcu_constructor explore_rcu_constructor
#define class_rcu_destructor explore_rcu_destructor

/**
 * struct explore_way - An order of two threads
 * @choices: at each point where either could go on, whether the other one than
 *	before does
 * @count: number of @choices
 * @switches: how many of them are set
 */
struct explore_way {
	DECLARE_BITMAP(choices, 512);
	unsigned int count;
	unsigned int switches;
};

typedef void (*explore_fn)(void *arg);

bool explore_next(struct explore_way *way, unsigned int switches);
bool explore_run(struct explore_way *way, unsigned int first,
		 const explore_fn fns[2], void *arg);
#endif /* __ASSEMBLY__ */

#endif /* __IOMMU_GUEST_EXPLORE_H */
