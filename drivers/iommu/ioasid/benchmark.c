// SPDX-License-Identifier: GPL-2.0-only
/*
 * What IOASID costs, against the IDA and a bare xarray
 *
 *	echo shared 100 10000 > /sys/kernel/debug/ioasid_benchmark
 *	cat /sys/kernel/debug/ioasid_benchmark
 *
 * makes 10000 ids in 100 shared sets, lets one CPU work on them, then two if
 * there are, and says in a line for each how many picoseconds a CPU takes for
 *
 *	alloc and free of an id		from the IDA
 *					from an xarray, with an object of its own
 *					from one that needs no new nodes
 *					from a set
 *	alloc and free of the object	as IOASID does it, and nothing else
 *	look-up				in an xarray
 *					of an id
 *					of a set-private id
 *
 * All that is compared is measured one after the other, with the same number
 * of ids around. The write returns when it is done.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/idr.h>
#include <linux/ioasid.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

static unsigned int ops = 2000;
module_param(ops, uint, 0644);
MODULE_PARM_DESC(ops, "operations per round and CPU");

static unsigned int rounds = 100;
module_param(rounds, uint, 0644);
MODULE_PARM_DESC(rounds, "rounds, of which the fastest counts");

#define PICKS	4096

static unsigned int spread = 64;
module_param(spread, uint, 0644);
MODULE_PARM_DESC(spread, "ids that are worked on; many show the CPU's caches");

#define MAX_SETS	10000
#define MAX_LIVE	1000000
#define MAX_CPUS	2

/* As large as what IOASID keeps for an id. */
struct object {
	struct rcu_head rcu;
	u32 id;
	u32 pad[11];
};

struct pick {
	struct ioasid_set *set;
	ioasid_t id, spid;
	unsigned int index;
};

/* Protected by bench_mutex, and by nothing while the workers run. */
static struct bench {
	enum ioasid_set_scope scope;
	unsigned int nsets, live;
	struct ioasid_set **sets;
	ioasid_t *ids;
	struct ida ida;
	struct xarray xa, full;
	u32 next, full_next;
	struct object *objects;
	struct pick picks[PICKS];
} bench;

static DEFINE_MUTEX(bench_mutex);

static unsigned long op_ida(const struct pick *pick)
{
	int id = ida_alloc_range(&bench.ida, 1, IOASID_CAPACITY_MAX - 1,
				 GFP_KERNEL);

	if (id > 0)
		ida_free(&bench.ida, id);
	return id;
}

static unsigned long alloc_free(struct xarray *xa, u32 *next)
{
	struct object *o = kmalloc(sizeof(*o), GFP_KERNEL);
	u32 id = 0;

	if (o && xa_alloc_cyclic_irq(xa, &id, o,
				     XA_LIMIT(1, IOASID_CAPACITY_MAX - 1),
				     next, GFP_KERNEL) >= 0)
		xa_erase_irq(xa, id);
	kfree(o);
	return id;
}

static unsigned long op_xarray(const struct pick *pick)
{
	return alloc_free(&bench.xa, &bench.next);
}

static unsigned long op_full(const struct pick *pick)
{
	return alloc_free(&bench.full, &bench.full_next);
}

static unsigned long op_ioasid(const struct pick *pick)
{
	int id = ioasid_alloc(pick->set, 1, INVALID_IOASID, NULL, GFP_KERNEL);

	if (id > 0)
		ioasid_free(pick->set, id);
	return id;
}

static unsigned long op_object(const struct pick *pick)
{
	struct object *o = kzalloc(sizeof(*o), GFP_KERNEL);

	if (o)
		kfree_rcu(o, rcu);
	return !!o;
}

static unsigned long op_xa_load(const struct pick *pick)
{
	unsigned long id;

	rcu_read_lock();
	id = READ_ONCE(((struct object *)xa_load(&bench.xa,
						 pick->index + 1))->id);
	rcu_read_unlock();
	return id;
}

static unsigned long op_find(const struct pick *pick)
{
	unsigned long private;

	rcu_read_lock();
	private = (unsigned long)ioasid_find(pick->set, pick->id, NULL);
	rcu_read_unlock();
	return private;
}

static unsigned long op_find_by_spid(const struct pick *pick)
{
	unsigned long id;

	rcu_read_lock();
	id = ioasid_find_by_spid(pick->set, pick->spid, false);
	rcu_read_unlock();
	return id;
}

typedef unsigned long (*bench_op)(const struct pick *pick);

static const bench_op bench_ops[] = {
	op_ida, op_xarray, op_full, op_ioasid, op_object,
	op_xa_load, op_find, op_find_by_spid,
};

static u64 bench_ps[MAX_CPUS][ARRAY_SIZE(bench_ops)];

struct worker {
	bench_op op;
	struct task_struct *task;
	struct completion *start;
	struct completion done;
	unsigned long sum;	/* so that nothing is optimised away */
	u64 ps;
};

static int work(void *data)
{
	struct worker *w = data;
	unsigned int i, n = READ_ONCE(ops);
	u64 start;

	wait_for_completion(w->start);
	start = ktime_get_ns();
	for (i = 0; i < n; i++) {
		w->sum += w->op(&bench.picks[i % PICKS]);
		if (i % 16384 == 0)
			cond_resched();
	}
	w->ps = div_u64((ktime_get_ns() - start) * 1000, max(n, 1));
	complete(&w->done);
	return 0;
}

static int measure_once(bench_op op, unsigned int cpus, u64 *ps)
{
	DECLARE_COMPLETION_ONSTACK(start);
	struct worker workers[MAX_CPUS] = {};
	unsigned int i, n;
	int ret = 0;

	for (n = 0; n < cpus; n++) {
		struct worker *w = &workers[n];

		w->op = op;
		w->start = &start;
		init_completion(&w->done);
		w->task = kthread_create(work, w, "ioasid-bench");
		if (IS_ERR(w->task)) {
			ret = PTR_ERR(w->task);
			break;
		}
		kthread_bind(w->task, n);
		wake_up_process(w->task);
	}
	complete_all(&start);
	*ps = 0;
	for (i = 0; i < n; i++) {
		wait_for_completion(&workers[i].done);
		*ps = max(*ps, workers[i].ps);
	}
	/* What was freed by RCU isn't the next one's burden. */
	rcu_barrier();
	return ret;
}

/* The shared space gives user sets one half, the rest is the system set's. */
static struct ioasid_set *set_of(unsigned int i)
{
	if (bench.scope == IOASID_SET_SHARED && bench.live > 500000 && i % 2)
		return ioasid_system_set();
	return bench.sets[i % bench.nsets];
}

/* Like a guest, a set counts its own from 1. */
static ioasid_t spid_of(unsigned int i)
{
	return set_of(i) == ioasid_system_set() ? i + 1 : i / bench.nsets + 1;
}

/* Side by side, so that what disturbs one disturbs its neighbour as well. */
static int measure(unsigned int cpus, u64 *best)
{
	unsigned int round, i;
	int ret = 0;
	u64 ps;

	for (i = 0; i < ARRAY_SIZE(bench_ops); i++)
		best[i] = U64_MAX;
	for (round = 0; round < READ_ONCE(rounds); round++) {
		for (i = 0; !ret && i < ARRAY_SIZE(bench_ops); i++) {
			ret = measure_once(bench_ops[i], cpus, &ps);
			best[i] = min(best[i], ps);
		}
	}
	return ret;
}

static int measure_all(void)
{
	unsigned int cpus;
	int ret = 0;

	for (cpus = 1; cpus <= min(MAX_CPUS, num_online_cpus()); cpus++)
		if (!ret)
			ret = measure(cpus, bench_ps[cpus - 1]);
	return ret;
}

static void teardown(void)
{
	unsigned int i;

	for (i = 0; i < bench.live; i++) {
		if (bench.ids[i])
			ioasid_free(set_of(i), bench.ids[i]);
		if (i % 4096 == 0)
			cond_resched();
	}
	for (i = 0; i < bench.nsets; i++)
		if (!IS_ERR_OR_NULL(bench.sets[i]))
			ioasid_set_put(bench.sets[i]);
	xa_destroy(&bench.xa);
	xa_destroy(&bench.full);
	ida_destroy(&bench.ida);
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
	ret = ioasid_attach_spid(set, bench.ids[i], spid_of(i));
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
	return min(ret, 0);
}

static int setup(void)
{
	unsigned int i;
	int ret;

	ida_init(&bench.ida);
	xa_init_flags(&bench.xa, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);
	bench.next = 1;
	xa_init_flags(&bench.full, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);
	bench.full_next = 1;
	for (i = XA_CHUNK_MASK; i < IOASID_CAPACITY_MAX; i += XA_CHUNK_SIZE) {
		ret = xa_insert_irq(&bench.full, i, &bench, GFP_KERNEL);
		if (ret)
			return ret;
	}
	for (i = 0; i < bench.nsets; i++) {
		bench.sets[i] = ioasid_set_alloc(NULL, INT_MAX, bench.scope);
		if (IS_ERR(bench.sets[i]))
			return PTR_ERR(bench.sets[i]);
	}
	for (i = 0; i < bench.live; i++) {
		ret = setup_id(i);
		if (ret)
			return ret;
	}
	return 0;
}

static void choose_picks(void)
{
	unsigned int i, n = clamp(READ_ONCE(spread), 1, PICKS);
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < PICKS; i++) {
		struct pick *pick = &bench.picks[i];

		if (i < n)
			pick->index = prandom_u32_state(&rnd) % bench.live;
		else
			pick->index = bench.picks[i % n].index;
		pick->set = set_of(pick->index);
		pick->id = bench.ids[pick->index];
		pick->spid = spid_of(pick->index);
	}
}

static int run(void)
{
	int ret = -ENOMEM;

	bench.sets = vcalloc(bench.nsets, sizeof(*bench.sets));
	bench.ids = vcalloc(bench.live, sizeof(*bench.ids));
	bench.objects = vcalloc(bench.live, sizeof(*bench.objects));
	if (bench.sets && bench.ids && bench.objects) {
		ret = setup();
		if (!ret) {
			choose_picks();
			ret = measure_all();
		}
		teardown();
	}
	vfree(bench.objects);
	vfree(bench.ids);
	vfree(bench.sets);
	return ret;
}

static int parse(const char *line)
{
	char scope[8];

	if (sscanf(line, "%7s %u %u", scope, &bench.nsets, &bench.live) != 3)
		return -EINVAL;
	if (!strcmp(scope, "shared"))
		bench.scope = IOASID_SET_SHARED;
	else if (!strcmp(scope, "private"))
		bench.scope = IOASID_SET_PRIVATE;
	else
		return -EINVAL;
	if (!bench.nsets || bench.nsets > MAX_SETS ||
	    !bench.live || bench.live > MAX_LIVE)
		return -EINVAL;
	return 0;
}

static ssize_t ioasid_benchmark_write(struct file *file,
				      const char __user *buf, size_t count,
				      loff_t *ppos)
{
	char line[40];
	int ret;

	if (count >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, count))
		return -EFAULT;
	line[count] = '\0';

	ret = mutex_lock_interruptible(&bench_mutex);
	if (ret)
		return ret;
	memset(bench_ps, 0, sizeof(bench_ps));
	ret = parse(line);
	if (!ret)
		ret = run();
	mutex_unlock(&bench_mutex);
	return ret ?: count;
}

static int ioasid_benchmark_show(struct seq_file *m, void *v)
{
	int cpu, i;

	mutex_lock(&bench_mutex);
	for (cpu = 0; cpu < MAX_CPUS && bench_ps[cpu][0]; cpu++) {
		seq_printf(m, "%d", cpu + 1);
		for (i = 0; i < ARRAY_SIZE(bench_ops); i++)
			seq_printf(m, " %llu", bench_ps[cpu][i]);
		seq_putc(m, '\n');
	}
	mutex_unlock(&bench_mutex);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(ioasid_benchmark);

static struct dentry *ioasid_benchmark_file;

static int __init ioasid_benchmark_init(void)
{
	ioasid_benchmark_file = debugfs_create_file("ioasid_benchmark", 0600,
						    NULL, NULL,
						    &ioasid_benchmark_fops);
	return PTR_ERR_OR_ZERO(ioasid_benchmark_file);
}
module_init(ioasid_benchmark_init);

static void __exit ioasid_benchmark_exit(void)
{
	debugfs_remove(ioasid_benchmark_file);
}
module_exit(ioasid_benchmark_exit);

MODULE_DESCRIPTION("What IOASID costs");
MODULE_LICENSE("GPL");
