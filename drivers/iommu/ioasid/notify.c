// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID core: notifiers
 *
 * Each set has a chain of notifiers, and there is one for all sets. A chain is
 * walked under its lock, which is dropped while a notifier runs; a reference
 * keeps the notifier and its place in the chain meanwhile. So notifiers may
 * sleep and may call back, and unregistering one waits for the calls of this
 * one and for nothing else.
 *
 * Which event is due and in which order is decided in id.c.
 */
#include <linux/completion.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/slab.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "ioasid_private.h"

/**
 * struct ioasid_notifier - a registered notifier block
 * @node: in ioasid_chain::list. All fields are protected by the lock of this
 *	chain.
 * @nb: the block, not to be touched if @gone
 * @events: BIT(enum ioasid_notify_val) of what it hears of
 * @refs: one until it is unregistered, one per call that is running
 * @gone: unregistered, waits for @refs
 * @idle: @refs is zero
 */
struct ioasid_notifier {
	struct list_head node;
	struct notifier_block *nb;
	u32 events;
	unsigned int refs;
	bool gone;
	struct completion idle;
};

struct ioasid_chain ioasid_global_notifiers = {
	.lock = __SPIN_LOCK_UNLOCKED(ioasid_global_notifiers.lock),
	.list = LIST_HEAD_INIT(ioasid_global_notifiers.list),
};

/* Delivers FREE events. Not the system's: notifiers may take their time. */
struct workqueue_struct *ioasid_wq;

static void ioasid_notifier_put(struct ioasid_chain *chain,
				struct ioasid_notifier *n)
{
	lockdep_assert_held(&chain->lock);
	if (!--n->refs)
		complete(&n->idle);
}

static void ioasid_call_chain(struct ioasid_chain *chain, int prio,
			      enum ioasid_notify_val event,
			      const struct ioasid_nb_args *args)
{
	struct ioasid_notifier *n;

	if (!ioasid_chain_hears(chain, event))
		return;
	spin_lock_irq(&chain->lock);
	list_for_each_entry(n, &chain->list, node) {
		struct ioasid_nb_args copy = *args;

		if (n->gone || n->nb->priority != prio ||
		    !(n->events & BIT(event)))
			continue;
		n->refs++;
		spin_unlock_irq(&chain->lock);
		n->nb->notifier_call(n->nb, event, &copy);
		spin_lock_irq(&chain->lock);
		ioasid_notifier_put(chain, n);
	}
	spin_unlock_irq(&chain->lock);
}

/* Calls the notifiers of @set and those of all sets. May sleep. */
void ioasid_call_notifiers(struct ioasid_set *set, enum ioasid_notify_val event,
			   const struct ioasid_nb_args *args)
{
	int prio;

	for (prio = IOASID_PRIO_CPU; prio >= IOASID_PRIO_LAST; prio--) {
		ioasid_call_chain(&set->notifiers, prio, event, args);
		ioasid_call_chain(&ioasid_global_notifiers, prio, event, args);
	}
}

static struct ioasid_chain *ioasid_chain_of(struct ioasid_set *set)
{
	return set ? &set->notifiers : &ioasid_global_notifiers;
}

static struct ioasid_notifier *ioasid_chain_find(struct ioasid_chain *chain,
						 struct notifier_block *nb)
{
	struct ioasid_notifier *n;

	lockdep_assert_held(&chain->lock);
	list_for_each_entry(n, &chain->list, node) {
		if (!n->gone && n->nb == nb)
			return n;
	}
	return NULL;
}

/* The list has changed. */
static void ioasid_chain_update(struct ioasid_chain *chain)
{
	struct ioasid_notifier *n;
	u32 events = 0;

	lockdep_assert_held(&chain->lock);
	list_for_each_entry(n, &chain->list, node)
		events |= n->events;
	WRITE_ONCE(chain->events, events);
}

static int ioasid_chain_add(struct ioasid_chain *chain,
			    struct ioasid_notifier *n)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&chain->lock, flags);
	if (ioasid_chain_find(chain, n->nb)) {
		ret = -EEXIST;
	} else {
		list_add_tail(&n->node, &chain->list);
		ioasid_chain_update(chain);
	}
	spin_unlock_irqrestore(&chain->lock, flags);
	return ret;
}

VISIBLE_IF_KUNIT struct ioasid_notifier *
ioasid_notifier_new(struct notifier_block *nb)
{
	struct ioasid_notifier *n;

	KUNIT_STATIC_STUB_REDIRECT(ioasid_notifier_new, nb);

	n = kzalloc(sizeof(*n), GFP_KERNEL);
	if (!n)
		return NULL;
	n->nb = nb;
	n->refs = 1;
	init_completion(&n->idle);
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_notifier_new);

/**
 * ioasid_register_notifier() - Hear of the transitions of ids
 * @set: the set, which has no id yet, or NULL for all sets
 * @nb: called with an enum ioasid_notify_val and a &struct ioasid_nb_args; its
 *	priority is one of enum ioasid_notifier_prios. What it returns is
 *	ignored: no notifier can keep an event from another one.
 * @events: BIT(enum ioasid_notify_val) of what it wants to hear of. What nobody
 *	wants to hear of costs nothing.
 *
 * The notifier of a set hears of each id ALLOC first and FREE last. That of
 * all sets hears of what happens from now on: of an id that exists already the
 * first event may be any but ALLOC.
 *
 * @nb runs without a lock of the core, may sleep and may call any function of
 * this interface except for two: it must neither unregister itself, nor wait
 * for its own events in ioasid_set_flush(). ALLOC, BIND and UNBIND come in the
 * context of the call that caused them, under the locks of this caller.
 * Events of different ids may come at the same time. The caller holds a
 * reference to @set until it has unregistered.
 *
 * Context: Process context, may sleep. Takes the id lock.
 * Return: 0, or -EINVAL if the priority or an event is unknown or there is no
 * event, -EBUSY if @set has ids, those included that are being freed, -EEXIST
 * if @nb is registered already, -ENOMEM.
 */
int ioasid_register_notifier(struct ioasid_set *set, struct notifier_block *nb,
			     u32 events)
{
	struct ioasid_chain *chain = ioasid_chain_of(set);
	struct ioasid_notifier *n;
	int ret;

	if (nb->priority < IOASID_PRIO_LAST || nb->priority > IOASID_PRIO_CPU)
		return -EINVAL;
	if (!events || events & ~IOASID_NOTIFY_ALL)
		return -EINVAL;
	if (!ioasid_wq)
		return -ENOMEM;
	n = ioasid_notifier_new(nb);
	if (!n)
		return -ENOMEM;
	n->events = events;

	if (set) {
		xa_lock_irq(ioasid_lock_of(set));
		ret = set->used ? -EBUSY : ioasid_chain_add(chain, n);
		xa_unlock_irq(ioasid_lock_of(set));
	} else {
		ret = ioasid_chain_add(chain, n);
	}
	if (ret)
		kfree(n);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_register_notifier);

/**
 * ioasid_unregister_notifier() - Hear no more of the transitions of ids
 * @set: the set, or NULL, as it was registered
 * @nb: the block; nothing happens if it is not registered
 *
 * On return @nb is not running and will not be called any more. FREE events
 * that are due by then are lost to it, see ioasid_set_flush(). Of two calls at
 * the same time one does this; the other finds nothing and returns at once.
 *
 * Context: Process context, sleeps until the calls of @nb that are running
 * have returned, and for no other notifier. The caller must not hold a lock
 * that @nb takes.
 */
void ioasid_unregister_notifier(struct ioasid_set *set,
				struct notifier_block *nb)
{
	struct ioasid_chain *chain = ioasid_chain_of(set);
	struct ioasid_notifier *n;

	spin_lock_irq(&chain->lock);
	n = ioasid_chain_find(chain, nb);
	if (!n) {
		spin_unlock_irq(&chain->lock);
		return;
	}
	n->gone = true;
	ioasid_notifier_put(chain, n);
	spin_unlock_irq(&chain->lock);

	wait_for_completion(&n->idle);

	/* The call that ended last has left it when the lock is free. */
	spin_lock_irq(&chain->lock);
	list_del(&n->node);
	ioasid_chain_update(chain);
	spin_unlock_irq(&chain->lock);
	kfree(n);
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_unregister_notifier);

static int __init ioasid_notify_initcall(void)
{
	/* As many sets as possible at the same time, each has one item. */
	ioasid_wq = alloc_workqueue("ioasid", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return ioasid_wq ? 0 : -ENOMEM;
}
core_initcall(ioasid_notify_initcall);
