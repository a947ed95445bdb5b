// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID core: what there is, in debugfs
 *
 *	ioasid/sets	a line per set
 *	ioasid/ids	a line per id
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/seq_file.h>

#include "ioasid_private.h"

static const char * const ioasid_state_names[] = {
	[IOASID_STATE_IDLE] = "idle",
	[IOASID_STATE_ACTIVE] = "active",
	[IOASID_STATE_FREE_PENDING] = "free-pending",
};

static void *ioasid_sets_start(struct seq_file *m, loff_t *pos)
{
	struct ioasid_set *set = NULL;
	loff_t i;

	if (!*pos)
		return SEQ_START_TOKEN;
	for (i = 0; i < *pos; i++) {
		set = ioasid_set_next(set);
		if (!set)
			break;
	}
	return set;
}

static void *ioasid_sets_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return ioasid_set_next(v == SEQ_START_TOKEN ? NULL : v);
}

static void ioasid_sets_stop(struct seq_file *m, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		ioasid_set_unpin(v);
}

static const char *ioasid_scope_name(const struct ioasid_set *set)
{
	if (!set->limit)
		return "system";
	return set->space == &set->own_space ? "private" : "shared";
}

static int ioasid_sets_show(struct seq_file *m, void *v)
{
	struct ioasid_set *set = v;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "set scope owner quota used freeing refs\n");
		return 0;
	}
	xa_lock_irq(ioasid_lock_of(set));
	seq_printf(m, "%llu %s %d:%s %u %u %u %u\n", set->num,
		   ioasid_scope_name(set), set->owner_pid, set->owner_comm,
		   set->quota, set->used,
		   (unsigned int)(set->free_due - set->free_done),
		   refcount_read(&set->refs));
	xa_unlock_irq(ioasid_lock_of(set));
	return 0;
}

static const struct seq_operations ioasid_sets_sops = {
	.start = ioasid_sets_start,
	.next = ioasid_sets_next,
	.stop = ioasid_sets_stop,
	.show = ioasid_sets_show,
};
DEFINE_SEQ_ATTRIBUTE(ioasid_sets);

/*
 * Place in the list of ids, kept between reads without holding anything:
 * space after space, the host's at the end, ids ascending in each.
 */
struct ioasid_ids_iter {
	struct ioasid_set *set;		/* pinned between start and stop */
	u64 num;			/* of that set */
	unsigned long id;
	bool end;

	/* what is shown */
	u64 owner;
	ioasid_t spid;
	u8 state;
	unsigned int refs;
};

static bool ioasid_ids_load(struct ioasid_ids_iter *it)
{
	struct xarray *ids = ioasid_lock_of(it->set);
	struct ioasid_data *data;

	xa_lock_irq(ids);
	data = xa_find(ids, &it->id, ULONG_MAX, XA_PRESENT);
	if (data) {
		it->owner = data->set->num;
		it->spid = data->bound ? data->spid : INVALID_IOASID;
		it->state = data->state;
		it->refs = refcount_read(&data->refs);
	}
	xa_unlock_irq(ids);
	return data;
}

static void *ioasid_ids_seek(struct ioasid_ids_iter *it)
{
	while (it->set) {
		bool shared = it->set->space == &ioasid_host_space;

		if ((!it->set->limit || !shared) && ioasid_ids_load(it))
			return it;
		it->set = ioasid_set_next(it->set);
		it->num = it->set ? it->set->num : 0;
		it->id = 0;
	}
	it->end = true;
	return NULL;
}

static void *ioasid_ids_start(struct seq_file *m, loff_t *pos)
{
	struct ioasid_ids_iter *it = m->private;

	it->set = NULL;
	if (!*pos) {
		it->id = 0;
		it->end = false;
		return SEQ_START_TOKEN;
	}
	if (it->end)
		return NULL;
	/* The host's set is the last one and never goes. */
	do {
		it->set = ioasid_set_next(it->set);
	} while (it->set->num > it->num);
	if (it->set->num < it->num) {
		it->num = it->set->num;
		it->id = 0;
	}
	return ioasid_ids_seek(it);
}

static void *ioasid_ids_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct ioasid_ids_iter *it = m->private;

	++*pos;
	if (v == SEQ_START_TOKEN) {
		it->set = ioasid_set_next(NULL);
		it->num = it->set->num;
	} else {
		it->id++;
	}
	return ioasid_ids_seek(it);
}

static void ioasid_ids_stop(struct seq_file *m, void *v)
{
	struct ioasid_ids_iter *it = m->private;

	if (it->set)
		ioasid_set_unpin(it->set);
}

static int ioasid_ids_show(struct seq_file *m, void *v)
{
	struct ioasid_ids_iter *it = v;

	if (v == SEQ_START_TOKEN)
		seq_puts(m, "set id spid state refs\n");
	else
		seq_printf(m, "%llu %lu %d %s %u\n", it->owner, it->id,
			   (int)it->spid, ioasid_state_names[it->state],
			   it->refs);
	return 0;
}

static const struct seq_operations ioasid_ids_sops = {
	.start = ioasid_ids_start,
	.next = ioasid_ids_next,
	.stop = ioasid_ids_stop,
	.show = ioasid_ids_show,
};

static int ioasid_ids_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &ioasid_ids_sops,
				sizeof(struct ioasid_ids_iter));
}

static const struct file_operations ioasid_ids_fops = {
	.owner = THIS_MODULE,
	.open = ioasid_ids_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static int __init ioasid_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("ioasid", NULL);

	debugfs_create_file("sets", 0400, dir, NULL, &ioasid_sets_fops);
	debugfs_create_file("ids", 0400, dir, NULL, &ioasid_ids_fops);
	return 0;
}
subsys_initcall(ioasid_debugfs_init);
