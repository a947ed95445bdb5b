// SPDX-License-Identifier: GPL-2.0-only
/*
 * What IOASID costs, against the IDA and a bare xarray
 *
 * Loading the module prints a table and fails on purpose, so that it can be
 * loaded again. All that is compared is measured side by side, in one run, on
 * the same number of CPUs and with the same number of ids around.
 */
#define pr_fmt(fmt) "ioasid-bench: " fmt

#include <linux/completion.h>
#include <linux/idr.h>
#include <linux/ioasid.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

static unsigned int ops = 20000;
module_param(ops, uint, 0444);
MODULE_PARM_DESC(ops, "operations per measurement and CPU");

static unsigned int rounds = 20;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "measurements, of which the fastest counts");

static unsigned int max_live = 1000000;
module_param(max_live, uint, 0444);
MODULE_PARM_DESC(max_live, "largest number of live ids");

#define PICKS	4096

static unsigned int spread = 64;
module_param(spread, uint, 0444);
MODULE_PARM_DESC(spread, "ids that the calls go to; many show the CPU's caches");

#define MAX_SETS 10000

/* As large as what IOASID keeps for an id. */
struct object {
	u32 id;
	u32 pad[15];
};

struct pick {
	struct ioasid_set *set;
	ioasid_t id, spid;
	unsigned int index;
};

static struct {
	enum ioasid_set_scope scope;
	unsigned int nsets, live;
	struct ioasid_set **sets;
	ioasid_t *ids;
	struct ida ida;
	struct xarray xa;
	u32 next;
	struct object *objects;
	struct pick picks[PICKS];
} bench;

struct worker {
	void (*op)(const struct pick *pick);
	struct completion *start;
	struct completion done;
	u64 ns;
};

static unsigned long sink;

static void op_ida(const struct pick *pick)
{
	int id = ida_alloc_range(&bench.ida, 1, IOASID_CAPACITY_MAX - 1,
				 GFP_KERNEL);

	if (id > 0)
		ida_free(&bench.ida, id);
}

static void op_xa_cyclic(const struct pick *pick)
{
	struct object *o = kmalloc(sizeof(*o), GFP_KERNEL);
	u32 id;

	if (xa_alloc_cyclic_irq(&bench.xa, &id, o,
				XA_LIMIT(1, IOASID_CAPACITY_MAX - 1),
				&bench.next, GFP_KERNEL) >= 0)
		xa_erase_irq(&bench.xa, id);
	kfree(o);
}

static void op_ioasid(const struct pick *pick)
{
	int id = ioasid_alloc(pick->set, 1, INVALID_IOASID, NULL, GFP_KERNEL);

	if (id > 0)
		ioasid_free(pick->set, id);
}

static void op_xa_load(const struct pick *pick)
{
	struct object *o;

	rcu_read_lock();
	o = xa_load(&bench.xa, pick->index + 1);
	WRITE_ONCE(sink, READ_ONCE(o->id));
	rcu_read_unlock();
}

static void op_find(const struct pick *pick)
{
	rcu_read_lock();
	WRITE_ONCE(sink, (unsigned long)ioasid_find(pick->set, pick->id, NULL));
	rcu_read_unlock();
}

static void op_find_spid(const struct pick *pick)
{
	rcu_read_lock();
	WRITE_ONCE(sink, ioasid_find_by_spid(pick->set, pick->spid, false));
	rcu_read_unlock();
}

static int work(void *data)
{
	struct worker *w = data;
	unsigned int i;
	u64 start;

	wait_for_completion(w->start);
	start = ktime_get_ns();
	for (i = 0; i < ops; i++) {
		w->op(&bench.picks[i % PICKS]);
		if (i % 16384 == 0)
			cond_resched();
	}
	w->ns = ktime_get_ns() - start;
	complete(&w->done);
	return 0;
}

/* Picoseconds per operation as one CPU sees it. */
static u64 measure_once(void (*op)(const struct pick *), int cpus)
{
	DECLARE_COMPLETION_ONSTACK(start);
	struct worker workers[2] = {};
	struct task_struct *task;
	u64 ns = 0;
	int i;

	for (i = 0; i < cpus; i++) {
		workers[i].op = op;
		workers[i].start = &start;
		init_completion(&workers[i].done);
		task = kthread_create(work, &workers[i], "ioasid-bench");
		if (IS_ERR(task)) {
			complete(&workers[i].done);
			continue;
		}
		kthread_bind(task, i);
		wake_up_process(task);
	}
	complete_all(&start);
	for (i = 0; i < cpus; i++) {
		wait_for_completion(&workers[i].done);
		ns = max(ns, workers[i].ns);
	}
	/* What was freed by RCU isn't the next one's burden. */
	rcu_barrier();
	return div_u64(ns * 1000, ops);
}

static u64 measure(void (*op)(const struct pick *), int cpus)
{
	u64 best = U64_MAX;
	unsigned int i;

	for (i = 0; i < rounds; i++)
		best = min(best, measure_once(op, cpus));
	return max(best, 1ULL);
}

/* The shared space gives user sets one half, the rest is the system set's. */
static struct ioasid_set *set_of(unsigned int i)
{
	if (bench.scope == IOASID_SET_SHARED && bench.live > 500000 && i % 2)
		return ioasid_system_set();
	return bench.sets[i % bench.nsets];
}

static void teardown(void)
{
	unsigned int i;

	for (i = 0; i < bench.live; i++)
		if (bench.ids[i])
			ioasid_free(set_of(i), bench.ids[i]);
	for (i = 0; i < bench.nsets; i++)
		if (!IS_ERR_OR_NULL(bench.sets[i]))
			ioasid_set_put(bench.sets[i]);
	xa_destroy(&bench.xa);
	ida_destroy(&bench.ida);
	memset(bench.ids, 0, max_live * sizeof(*bench.ids));
	memset(bench.sets, 0, MAX_SETS * sizeof(*bench.sets));
	rcu_barrier();
}

static int setup_id(unsigned int i)
{
	struct ioasid_set *set = set_of(i);
	struct object *o = &bench.objects[i];
	int ret;

	ret = ioasid_alloc(set, 1, INVALID_IOASID, o, GFP_KERNEL);
	if (ret < 0)
		return ret;
	bench.ids[i] = ret;
	ret = ioasid_attach_spid(set, bench.ids[i], i + 1);
	if (ret)
		return ret;
	ret = ida_alloc_range(&bench.ida, 1, IOASID_CAPACITY_MAX - 1,
			      GFP_KERNEL);
	if (ret < 0)
		return ret;
	ret = xa_alloc_cyclic_irq(&bench.xa, &o->id, o,
				  XA_LIMIT(1, IOASID_CAPACITY_MAX - 1),
				  &bench.next, GFP_KERNEL);
	if (i % 4096 == 0)
		cond_resched();
	return ret;
}

static int setup(void)
{
	struct rnd_state rnd;
	unsigned int i;
	int ret;

	ida_init(&bench.ida);
	xa_init_flags(&bench.xa, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);
	bench.next = 1;
	for (i = 0; i < bench.nsets; i++) {
		bench.sets[i] = ioasid_set_alloc(NULL, INT_MAX, bench.scope);
		if (IS_ERR(bench.sets[i]))
			return PTR_ERR(bench.sets[i]);
	}
	for (i = 0; i < bench.live; i++) {
		ret = setup_id(i);
		if (ret < 0)
			return ret;
	}

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < PICKS; i++) {
		struct pick *pick = &bench.picks[i];

		if (i < spread)
			pick->index = prandom_u32_state(&rnd) % bench.live;
		else
			pick->index = bench.picks[i % spread].index;
		pick->set = set_of(pick->index);
		pick->id = bench.ids[pick->index];
		pick->spid = pick->index + 1;
	}
	return 0;
}

#define RATIO(a, b) \
	div64_u64(a, b), div64_u64((a) * 100, b) % 100

static void run(int cpus)
{
	u64 ida, cyclic, both, load, find, spid;

	ida = measure(op_ida, cpus);
	cyclic = measure(op_xa_cyclic, cpus);
	both = measure(op_ioasid, cpus);
	load = measure(op_xa_load, cpus);
	find = measure(op_find, cpus);
	spid = measure(op_find_spid, cpus);
	pr_info("%-7s %5u %7u %4d | %6llu %6llu %6llu %2llu.%02llu | %5llu %5llu %2llu.%02llu | %5llu %2llu.%02llu\n",
		bench.scope == IOASID_SET_SHARED ? "shared" : "private",
		bench.nsets, bench.live, cpus,
		ida / 1000, cyclic / 1000, both / 1000, RATIO(both, ida),
		load / 1000, find / 1000, RATIO(find, load),
		spid / 1000, RATIO(spid, find));
}

static void run_all(void)
{
	static const unsigned int nsets[] = { 1, 100, MAX_SETS };
	static const unsigned int lives[] = { 10, 10000, 1000000 };
	int scope, s, l, cpus, ret;

	pr_info("scope    sets    live cpus | alloc+free, ns: ida, xarray cyclic, ioasid, ioasid/ida | look-up by id: xa_load, ioasid, ratio | by spid: ns, spid/id\n");
	for (scope = IOASID_SET_SHARED; scope <= IOASID_SET_PRIVATE; scope++) {
		for (l = 0; l < ARRAY_SIZE(lives); l++) {
			for (s = 0; s < ARRAY_SIZE(nsets); s++) {
				bench.scope = scope;
				bench.nsets = nsets[s];
				bench.live = min(lives[l], max_live);
				ret = setup();
				if (ret)
					pr_err("set-up failed: %d\n", ret);
				for (cpus = 1; !ret && cpus <= 2; cpus++)
					if (cpus <= num_online_cpus())
						run(cpus);
				teardown();
			}
		}
	}
	pr_info("done\n");
}

static int __init ioasid_bench_init(void)
{
	bench.sets = vcalloc(MAX_SETS, sizeof(*bench.sets));
	bench.ids = vcalloc(max_live, sizeof(*bench.ids));
	bench.objects = vcalloc(max_live, sizeof(*bench.objects));
	if (bench.sets && bench.ids && bench.objects && ops && rounds &&
	    max_live && spread)
		run_all();
	vfree(bench.objects);
	vfree(bench.ids);
	vfree(bench.sets);
	return -EAGAIN;
}
module_init(ioasid_bench_init);

MODULE_DESCRIPTION("What IOASID costs");
MODULE_LICENSE("GPL");
