// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of the fuzzer: what the user ABI promises of PASIDs, bindings, page
 * requests and their answers, in the plainest form that it can have
 *
 * Nothing here asks the kernel. A call has a set of errors that may answer it:
 * where that is empty it must work, else it must fail and change nothing.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"

/* The last message, with numbers */
char fuzz_text[256];

/* Cookies by the serial number of the group, 0 if not read yet */
#define COOKIES	65536
static uint64_t cookies[COOKIES];

/* The errors that may answer a call */
struct errors {
	int list[12];
	unsigned int count;
};

static void may(struct errors *errors, int err)
{
	errors->list[errors->count++] = -err;
}

static const char *complain(const char *what, long long wanted, long long got)
{
	snprintf(fuzz_text, sizeof(fuzz_text), "%s: wanted %lld, got %lld", what,
		 wanted, got);
	return what;
}

/* NULL if the call has failed as it must, or has worked as it must */
static const char *judge(const struct errors *errors, int ret)
{
	unsigned int i;

	if (!errors->count)
		return ret < 0 ? complain("a call fails that must work", 0, ret) :
				 NULL;
	for (i = 0; i < errors->count; i++)
		if (errors->list[i] == ret)
			return NULL;
	return complain(ret < 0 ? "a call fails with another error" :
				  "a call works that must fail",
			errors->list[0], ret);
}

void fuzz_learn_cookie(uint32_t serial, uint64_t cookie)
{
	cookies[serial % COOKIES] = cookie;
}

uint64_t fuzz_cookie(uint32_t serial)
{
	return cookies[serial % COOKIES];
}

void fuzz_model_init(struct fuzz_model *m)
{
	unsigned int c, t, d;

	memset(m, 0, sizeof(*m));
	memset(cookies, 0, sizeof(cookies));
	for (d = 0; d < FUZZ_DEVICES; d++)
		m->devices[d].container = d == FUZZ_DEVICES - 1;
	for (c = 0; c < FUZZ_CONTAINERS; c++) {
		m->containers[c].set = true;
		for (t = 0; t < FUZZ_TABLES; t++)
			m->containers[c].mapped[t] = true;
	}
}

/* ------------------------------------------------------ parts of a state */

int fuzz_device_of(const struct fuzz_step *step)
{
	unsigned int dev = step->arg[1] % (FUZZ_DEVICES + 2);

	return dev < FUZZ_DEVICES ? (int)dev : -1;
}

static bool is_open(const struct fuzz_device *dev)
{
	return dev->mine || dev->held;
}

/* The container of a call that names one */
static struct fuzz_container *container_of(struct fuzz_model *m,
					   const struct fuzz_step *step)
{
	return &m->containers[step->arg[0] % FUZZ_CONTAINERS];
}

static bool in_container(const struct fuzz_model *m,
			 const struct fuzz_step *step, int dev)
{
	return m->devices[dev].container ==
	       (int)(step->arg[0] % FUZZ_CONTAINERS);
}

/* 0, or 1 + the number of the table that the PASID is bound to */
int fuzz_table_of(const struct fuzz_model *m, int dev, unsigned int pasid)
{
	int c = m->devices[dev].container;

	if (m->devices[dev].has_table)
		return m->devices[dev].shadow[pasid];
	return c < 0 ? 0 : m->containers[c].pasids[pasid].table[dev];
}

/* The guest's number; in its own table there is no other one. */
uint32_t fuzz_gpasid(const struct fuzz_model *m, int dev, unsigned int pasid)
{
	if (m->devices[dev].has_table)
		return fuzz_pasid(pasid);
	return m->containers[m->devices[dev].container].pasids[pasid].gpasid;
}

/* The PASID that a device uses: mostly one that is bound, if there is any */
unsigned int fuzz_pasid_of(const struct fuzz_model *m,
			   const struct fuzz_step *step)
{
	unsigned int p = step->arg[1] % FUZZ_PASIDS, i, q;
	int d = step->arg[0] % FUZZ_DEVICES;

	if (step->arg[4] % 4)
		return p;
	for (i = 0; i < FUZZ_PASIDS; i++) {
		q = (p + i) % FUZZ_PASIDS;
		if (fuzz_table_of(m, d, q))
			return q;
	}
	return p;
}

static bool is_bound(const struct fuzz_pasid *pasid)
{
	unsigned int d;

	for (d = 0; d < FUZZ_DEVICES; d++)
		if (pasid->table[d])
			return true;
	return false;
}

/* Is a call on the device, in the one way or the other? */
static bool is_on(const struct fuzz_model *m, const struct fuzz_step *step, int dev)
{
	int d = fuzz_device_of(step);

	return in_container(m, step, dev) && is_open(&m->devices[dev]) &&
	       (d < 0 || d == dev);
}

/* Most tables translate. */
int fuzz_table_config(const struct fuzz_step *step)
{
	switch (step->arg[3] % 8) {
	case 6:
		return IOMMU_PASID_CONFIG_BYPASS;
	case 7:
		return IOMMU_PASID_CONFIG_ABORT;
	default:
		return IOMMU_PASID_CONFIG_TRANSLATE;
	}
}

bool fuzz_on_table(const struct fuzz_model *m, const struct fuzz_step *step)
{
	int d;

	for (d = 0; d < FUZZ_DEVICES; d++)
		if (is_on(m, step, d) && m->devices[d].has_table)
			return true;
	return false;
}

bool fuzz_can_read(const struct fuzz_model *m, const struct fuzz_step *step)
{
	const struct fuzz_container *c =
		&m->containers[step->arg[0] % FUZZ_CONTAINERS];
	int d = fuzz_device_of(step);

	return c->set && !c->unmapped && (d < 0 || m->devices[d].mine);
}

/* ------------------------------------------- page requests come to an end */

static void drop_partial(struct fuzz_device *dev, int pasid)
{
	unsigned int i, kept = 0;

	for (i = 0; i < dev->npartial; i++)
		if (pasid >= 0 && dev->partial[i].pasid != pasid)
			dev->partial[kept++] = dev->partial[i];
	dev->npartial = kept;
}

static uint32_t cause_of(enum fuzz_outcome outcome)
{
	switch (outcome) {
	case FUZZ_DEADLINE:
		return IOMMU_FAULT_END_DEADLINE;
	case FUZZ_UNBOUND:
		return IOMMU_FAULT_END_UNBIND;
	case FUZZ_FORGOTTEN:
		return IOMMU_FAULT_END_RESET;
	default:
		return 0;
	}
}

static void end_group(struct fuzz_device *dev, unsigned int index,
		      enum fuzz_outcome outcome)
{
	struct fuzz_group group = dev->pending[index];

	memmove(&dev->pending[index], &dev->pending[index + 1],
		(dev->npending - index - 1) * sizeof(group));
	dev->npending--;
	dev->waiting -= group.count;
	dev->outcomes[outcome]++;
	if (outcome == FUZZ_SUCCESS)
		dev->answered++;
	if (outcome == FUZZ_FAILURE)
		dev->failed = true;
	if (!cause_of(outcome) || !(dev->file_flags & VFIO_NESTING_FAULT_REQ_END))
		return;
	dev->ring[dev->nring++] = (struct fuzz_record) {
		.serial = group.serial,
		.type = IOMMU_FAULT_PAGE_REQ_END,
		.gpasid = group.gpasid,
		.grpid = group.grpid,
		.perm = cause_of(outcome),
		.last = true,
	};
}

/* Those of a PASID, or all */
static void end_groups(struct fuzz_device *dev, int pasid,
		       enum fuzz_outcome outcome)
{
	unsigned int i = 0;

	while (i < dev->npending)
		if (pasid < 0 || dev->pending[i].pasid == pasid)
			end_group(dev, i, outcome);
		else
			i++;
}

static void detach(struct fuzz_model *m, int d, unsigned int p)
{
	struct fuzz_device *dev = &m->devices[d];

	drop_partial(dev, p);
	end_groups(dev, p, FUZZ_UNBOUND);
}

static void unbind(struct fuzz_model *m, struct fuzz_container *c, int d,
		   unsigned int p)
{
	if (!c->pasids[p].table[d])
		return;
	detach(m, d, p);
	c->pasids[p].table[d] = 0;
}

/* Another table for a PASID of a device that has a PASID table */
static void set_shadow(struct fuzz_model *m, int d, unsigned int p, uint8_t table)
{
	struct fuzz_device *dev = &m->devices[d];

	if (dev->shadow[p])
		detach(m, d, p);
	dev->shadow[p] = table;
}

static void end_table(struct fuzz_model *m, int d)
{
	unsigned int p;

	if (!m->devices[d].has_table)
		return;
	for (p = 0; p < FUZZ_PASIDS; p++)
		set_shadow(m, d, p, 0);
	m->devices[d].has_table = false;
	m->devices[d].rid = IOMMU_RID_PASS;
}

static void close_file(struct fuzz_device *dev)
{
	drop_partial(dev, -1);
	end_groups(dev, -1, FUZZ_CLOSED);
	dev->nring = 0;
	dev->file = false;
	dev->file_flags = 0;
}

static void close_device(struct fuzz_model *m, int d)
{
	struct fuzz_device *dev = &m->devices[d];
	struct fuzz_container *c = &m->containers[dev->container];
	unsigned int p;

	dev->dead_file |= dev->file && dev->file_mine;
	close_file(dev);
	for (p = 0; p < FUZZ_PASIDS; p++)
		c->pasids[p].table[d] = 0;
	memset(dev->outcomes, 0, sizeof(dev->outcomes));
	memset(dev->shadow, 0, sizeof(dev->shadow));
	dev->has_table = false;
	dev->rid = IOMMU_RID_PASS;
	dev->file_mine = false;
	dev->file_held = false;
	dev->handler = false;
	dev->page_req = false;
	dev->wild = false;
	dev->failed = false;
	dev->limit = 0;
	dev->used = 0;
	dev->answered = 0;
}

/* ------------------------------------------------------------- the calls */

static void header_errors(const struct fuzz_step *step, struct errors *errors)
{
	switch (fuzz_mutation(step)) {
	case FUZZ_LONG:
	case FUZZ_TAIL:
		may(errors, E2BIG);
		break;
	case FUZZ_NOWHERE:
		may(errors, EFAULT);
		break;
	case FUZZ_DEV_BAD:
		may(errors, EBADF);
		break;
	case FUZZ_SHORT: case FUZZ_FLAG: case FUZZ_NO_OP:
	case FUZZ_DEV_PADDING: case FUZZ_DEV_FILE: case FUZZ_ARGSZ:
	case FUZZ_BEYOND: case FUZZ_VERSION: case FUZZ_FLAGS:
	case FUZZ_PADDING:
		may(errors, EINVAL);
		break;
	default:
		break;
	}
}

/* A container that has lost all its groups is for nothing. */
static void container_errors(const struct fuzz_container *c,
			     struct errors *errors)
{
	if (c->set)
		return;
	may(errors, EINVAL);
	may(errors, EOPNOTSUPP);
}

static unsigned int count_open(const struct fuzz_model *m,
			       const struct fuzz_step *step)
{
	unsigned int d, count = 0;

	for (d = 0; d < FUZZ_DEVICES; d++)
		count += in_container(m, step, d) && is_open(&m->devices[d]);
	return count;
}

/* The device that a call is on, if it must be one; @stranger is what others are */
static int only_device(struct fuzz_model *m, const struct fuzz_step *step,
		       struct errors *errors, int stranger)
{
	unsigned int open = count_open(m, step);
	int d = fuzz_device_of(step);

	if (d >= 0) {
		if (!m->devices[d].mine)
			may(errors, EBADF);
		else if (!in_container(m, step, d))
			may(errors, stranger);
		return d;
	}
	if (open != 1) {
		may(errors, open ? EINVAL : ENODEV);
		return -1;
	}
	for (d = 0; !in_container(m, step, d) || !is_open(&m->devices[d]); d++)
		;
	return d;
}

static const char *model_alloc(struct fuzz_model *m,
			       const struct fuzz_step *step, int ret)
{
	struct fuzz_container *c = container_of(m, step);
	bool any = step->arg[2] % 8 == 7, free = false;
	unsigned int p = step->arg[1] % FUZZ_PASIDS, i;
	struct errors errors = {};
	const char *bad;

	header_errors(step, &errors);
	container_errors(c, &errors);
	if (fuzz_mutation(step) == FUZZ_VALUE1)
		may(&errors, EINVAL);
	for (i = any ? 0 : p; i <= (any ? 7 : p); i++)
		free |= !c->pasids[i].allocated;
	if (!free)
		may(&errors, ENOSPC);
	bad = judge(&errors, ret);
	if (bad || errors.count)
		return bad;
	for (i = any ? 0 : p; i <= (any ? 7 : p); i++) {
		if (ret != (int)fuzz_pasid(i) || c->pasids[i].allocated)
			continue;
		c->pasids[i].allocated = true;
		return NULL;
	}
	return complain("a PASID of somebody else is given out", fuzz_pasid(p),
			ret);
}

static const char *model_free(struct fuzz_model *m,
			      const struct fuzz_step *step, int ret)
{
	struct fuzz_container *c = container_of(m, step);
	unsigned int p, d, first = step->arg[1] % FUZZ_PASIDS;
	unsigned int last = step->arg[2] % FUZZ_PASIDS;
	struct errors errors = {};
	const char *bad;

	header_errors(step, &errors);
	container_errors(c, &errors);
	if (fuzz_mutation(step) == FUZZ_VALUE1 || first > last)
		may(&errors, EINVAL);
	bad = judge(&errors, ret);
	if (bad || errors.count)
		return bad;
	for (p = first; p <= last; p++) {
		for (d = 0; d < FUZZ_DEVICES; d++)
			unbind(m, c, d, p);
		c->pasids[p].allocated = false;
	}
	return NULL;
}

static uint32_t gpasid_of(const struct fuzz_step *step)
{
	unsigned int number = step->arg[3] / FUZZ_TABLES % 8;

	return number < 4 ? 1000 + number : fuzz_pasid(step->arg[2]);
}

static void bind_errors(struct fuzz_model *m, const struct fuzz_step *step,
			struct errors *errors)
{
	struct fuzz_container *c = container_of(m, step);
	unsigned int p = step->arg[2] % FUZZ_PASIDS, i;
	uint32_t gpasid = gpasid_of(step);
	int d = fuzz_device_of(step);
	bool same;

	header_errors(step, errors);
	container_errors(c, errors);
	if (fuzz_mutation(step) == FUZZ_VALUE1 ||
	    fuzz_mutation(step) == FUZZ_VALUE2)
		may(errors, EINVAL);
	if (fuzz_mutation(step) == FUZZ_VALUE3 || !c->pasids[p].allocated)
		may(errors, ENOENT);
	if (d >= 0 && !m->devices[d].mine)
		may(errors, EBADF);
	if (d >= 0 ? !in_container(m, step, d) : !count_open(m, step))
		may(errors, ENODEV);
	if (fuzz_on_table(m, step))
		may(errors, EBUSY);
	/* It has one number of the guest, which is that of no other one. */
	for (i = 0; i < FUZZ_PASIDS; i++) {
		same = c->pasids[i].gpasid == gpasid;
		if (is_bound(&c->pasids[i]) && (i == p ? !same : same)) {
			may(errors, EEXIST);
			return;
		}
	}
}

static const char *model_bind(struct fuzz_model *m,
			      const struct fuzz_step *step, int ret)
{
	struct fuzz_container *c = container_of(m, step);
	unsigned int p = step->arg[2] % FUZZ_PASIDS, table;
	struct errors errors = {};
	const char *bad;
	int d;

	bind_errors(m, step, &errors);
	bad = judge(&errors, ret);
	if (bad || errors.count)
		return bad;
	table = 1 + step->arg[3] % FUZZ_TABLES;
	for (d = 0; d < FUZZ_DEVICES; d++) {
		if (!in_container(m, step, d) || !is_open(&m->devices[d]) ||
		    (fuzz_device_of(step) >= 0 && fuzz_device_of(step) != d))
			continue;
		if (c->pasids[p].table[d] && c->pasids[p].table[d] != table)
			detach(m, d, p);
		c->pasids[p].table[d] = table;
	}
	c->pasids[p].gpasid = gpasid_of(step);
	return NULL;
}

static const char *model_unbind(struct fuzz_model *m,
				const struct fuzz_step *step, int ret)
{
	struct fuzz_container *c = container_of(m, step);
	unsigned int p = step->arg[2] % FUZZ_PASIDS;
	int d = fuzz_device_of(step), i;
	struct errors errors = {};
	const char *bad;

	header_errors(step, &errors);
	container_errors(c, &errors);
	if (d >= 0 && !m->devices[d].mine)
		may(&errors, EBADF);
	bad = judge(&errors, ret);
	if (bad || errors.count || fuzz_mutation(step) == FUZZ_VALUE2 ||
	    fuzz_mutation(step) == FUZZ_VALUE3)
		return bad;
	for (i = 0; i < FUZZ_DEVICES; i++)
		if (d < 0 || d == i)
			unbind(m, c, i, p);
	return NULL;
}

static const char *model_invalidate(struct fuzz_model *m,
				    const struct fuzz_step *step, int ret)
{
	enum fuzz_mutation mutation = fuzz_mutation(step);
	struct errors errors = {};
	int d = fuzz_device_of(step);

	header_errors(step, &errors);
	container_errors(container_of(m, step), &errors);
	if (mutation == FUZZ_VALUE1 || mutation == FUZZ_VALUE2 ||
	    mutation == FUZZ_VALUE3)
		may(&errors, EINVAL);
	if (d >= 0 && !m->devices[d].mine)
		may(&errors, EBADF);
	return judge(&errors, ret);
}

static bool is_bound_on(const struct fuzz_model *m, int d)
{
	const struct fuzz_container *c = &m->containers[m->devices[d].container];
	unsigned int p;

	for (p = 0; p < FUZZ_PASIDS; p++)
		if (c->pasids[p].table[d])
			return true;
	return false;
}

/* Whose memory the table is in is the one that may hand it over. */
static bool by_another_process(const struct fuzz_step *step)
{
	return step->mode == FUZZ_CHILD || step->mode == FUZZ_PASSED;
}

static const char *model_set_table(struct fuzz_model *m,
				   const struct fuzz_step *step, int ret)
{
	struct fuzz_container *c = container_of(m, step);
	int d = fuzz_device_of(step), i, config;
	struct errors errors = {};
	const char *bad;
	unsigned int p;

	if (c->unmapped)
		return NULL;
	config = fuzz_table_config(step);
	header_errors(step, &errors);
	container_errors(c, &errors);
	if (fuzz_mutation(step) == FUZZ_VALUE1)
		may(&errors, EINVAL);
	if (d >= 0 && !m->devices[d].mine)
		may(&errors, EBADF);
	if (d >= 0 ? !in_container(m, step, d) : !count_open(m, step))
		may(&errors, ENODEV);
	for (i = 0; i < FUZZ_DEVICES; i++)
		if (is_on(m, step, i) && (is_bound_on(m, i) ||
					  m->devices[i].rid == IOMMU_RID_FIRST_STAGE)) {
			may(&errors, EBUSY);
			break;
		}
	if (config == IOMMU_PASID_CONFIG_TRANSLATE && by_another_process(step))
		may(&errors, EFAULT);
	bad = judge(&errors, ret);
	if (bad || errors.count)
		return bad;
	for (i = 0; i < FUZZ_DEVICES; i++) {
		if (!is_on(m, step, i))
			continue;
		end_table(m, i);
		m->devices[i].has_table = true;
		m->devices[i].config = config;
		for (p = 0; p < FUZZ_PASIDS; p++)
			m->devices[i].shadow[p] =
				config == IOMMU_PASID_CONFIG_TRANSLATE ? c->entries[p] : 0;
	}
	return NULL;
}

static const char *model_unset_table(struct fuzz_model *m,
				     const struct fuzz_step *step, int ret)
{
	struct errors errors = {};
	int d = fuzz_device_of(step), i;
	const char *bad;

	header_errors(step, &errors);
	container_errors(container_of(m, step), &errors);
	if (d >= 0 && !m->devices[d].mine)
		may(&errors, EBADF);
	bad = judge(&errors, ret);
	if (bad || errors.count)
		return bad;
	for (i = 0; i < FUZZ_DEVICES; i++)
		if (is_on(m, step, i))
			end_table(m, i);
	return NULL;
}

/* The guest changes an entry, and may say so, of this entry or of all. */
static const char *model_entry(struct fuzz_model *m,
			       const struct fuzz_step *step, int ret)
{
	struct fuzz_container *c = container_of(m, step);
	unsigned int which = step->arg[2] % FUZZ_PASIDS, how, p;
	struct fuzz_device *dev;
	int d;

	if (ret)
		return complain("an entry is not invalidated", 0, ret);
	c->entries[which] = step->arg[3] % (FUZZ_TABLES + 1);
	how = step->arg[3] / 8 % 4;
	if (!how || !fuzz_can_read(m, step))
		return NULL;
	for (d = 0; d < FUZZ_DEVICES; d++) {
		dev = &m->devices[d];
		if (!is_on(m, step, d) || !dev->has_table ||
		    dev->config != IOMMU_PASID_CONFIG_TRANSLATE)
			continue;
		for (p = 0; p < FUZZ_PASIDS; p++)
			if ((how == 3 || p == which) && dev->shadow[p] != c->entries[p])
				set_shadow(m, d, p, c->entries[p]);
	}
	return NULL;
}

static const char *model_rid(struct fuzz_model *m, const struct fuzz_step *step,
			     int ret)
{
	struct errors errors = {};
	const char *bad;
	int d;

	header_errors(step, &errors);
	container_errors(container_of(m, step), &errors);
	if (fuzz_mutation(step) == FUZZ_VALUE1)
		may(&errors, EINVAL);
	d = only_device(m, step, &errors, ENODEV);
	if (d >= 0 && m->devices[d].has_table)
		may(&errors, EBUSY);
	bad = judge(&errors, ret);
	if (bad || errors.count)
		return bad;
	m->devices[d].rid = step->arg[2] % 3;
	m->devices[d].rid_table = 1 + step->arg[3] % FUZZ_TABLES;
	return NULL;
}

/* INFO and DRAIN, which change nothing */
static const char *model_ask_kernel(struct fuzz_model *m,
				    const struct fuzz_step *step, int ret)
{
	struct errors errors = {};

	header_errors(step, &errors);
	container_errors(container_of(m, step), &errors);
	only_device(m, step, &errors, ENODEV);
	return judge(&errors, ret);
}

static const char *model_timeout(struct fuzz_model *m,
				 const struct fuzz_step *step, int ret)
{
	struct errors errors = {};
	int d;

	header_errors(step, &errors);
	container_errors(container_of(m, step), &errors);
	d = only_device(m, step, &errors, ENOENT);
	if (d >= 0 && !m->devices[d].handler)
		may(&errors, ENOENT);
	return judge(&errors, ret);
}

static const char *model_faults_open(struct fuzz_model *m,
				     const struct fuzz_step *step,
				     const struct fuzz_result *result)
{
	struct errors errors = {};
	struct fuzz_device *dev;
	const char *bad;
	int d;

	header_errors(step, &errors);
	container_errors(container_of(m, step), &errors);
	d = only_device(m, step, &errors, ENODEV);
	if (d >= 0 && m->devices[d].file)
		may(&errors, EBUSY);
	bad = judge(&errors, result->ret);
	if (bad || errors.count)
		return bad;

	dev = &m->devices[d];
	dev->handler = true;
	dev->file = true;
	dev->file_mine = true;
	dev->dead_file = false;
	dev->file_flags = step->arg[2] % 4 ? VFIO_NESTING_FAULT_PAGE_REQ : 0;
	if (step->arg[3] % 2)
		dev->file_flags |= VFIO_NESTING_FAULT_REQ_END;
	drop_partial(dev, -1);
	if (!(dev->file_flags & VFIO_NESTING_FAULT_PAGE_REQ))
		return NULL;
	dev->page_req = true;
	dev->limit = result->count;
	return NULL;
}

/* ------------------------------------------------------- page requests */

static bool is_pending(const struct fuzz_device *dev, uint32_t grpid)
{
	unsigned int i;

	for (i = 0; i < dev->npending; i++)
		if (dev->pending[i].grpid == grpid)
			return true;
	for (i = 0; i < dev->npartial; i++)
		if (dev->partial[i].grpid == grpid)
			return true;
	return false;
}

/* @count indices from the next one on that no group has */
static uint32_t free_grpid(const struct fuzz_device *dev, unsigned int count)
{
	uint32_t first = dev->next_grpid & SVATEST_PR_PRGI_MASK;
	unsigned int i, tries = 0;

	for (i = 0; i < count && tries < 4096; i++, tries++) {
		if (first + i <= SVATEST_PR_PRGI_MASK &&
		    !is_pending(dev, first + i))
			continue;
		first = first + i + 1;
		if (first > SVATEST_PR_PRGI_MASK)
			first = 0;
		i = -1;
	}
	return first;
}

void fuzz_get_ask(const struct fuzz_model *m, const struct fuzz_step *step,
		  struct fuzz_ask *ask)
{
	const struct fuzz_device *dev =
		&m->devices[step->arg[0] % FUZZ_DEVICES];
	unsigned int how = step->arg[3];

	*ask = (struct fuzz_ask) { .perm = IOMMU_FAULT_PERM_READ };
	if (!dev->mine || dev->wild)
		return;
	ask->valid = true;
	ask->last = how % 4;
	ask->distinct = ask->last && how / 4 % 2;
	if (how / 8 % 2)
		ask->perm |= IOMMU_FAULT_PERM_WRITE;
	ask->count = 1 + step->arg[2] % (how / 16 % 8 ? 8 : 60);
	/* The end of a group that was begun, or its next part */
	if (how / 128 % 2 && dev->open_grpid)
		ask->grpid = dev->open_grpid;
	else
		ask->grpid = free_grpid(dev, ask->count);
	if (ask->grpid + ask->count > SVATEST_PR_PRGI_MASK)
		ask->distinct = false;
	if (dev->npartial + ask->count > FUZZ_PARTIAL ||
	    dev->npending + ask->count > FUZZ_PENDING)
		ask->valid = false;
	/* One that waits has the index: the device has not given it back. */
	if (ask->grpid == dev->open_grpid &&
	    dev->npending && ask->distinct)
		ask->distinct = false;
	ask->addr = FUZZ_GVA_ASK(dev->container) + (uint64_t)m->asked * SIZE_4K;
}

/* Room in the file, which keeps one record for the end of each group */
static bool has_room(const struct fuzz_device *dev, unsigned int count)
{
	unsigned int used = dev->nring;

	if (dev->file_flags & VFIO_NESTING_FAULT_REQ_END)
		used += dev->npending + 1;
	return used + count <= FUZZ_RING - FUZZ_RING_EVENTS;
}

static void report_group(struct fuzz_model *m, struct fuzz_device *dev,
			 const struct fuzz_partial *requests,
			 unsigned int count)
{
	const struct fuzz_partial *last = &requests[count - 1];
	uint32_t gpasid = fuzz_gpasid(m, dev - m->devices, last->pasid);
	unsigned int i;

	if (count > dev->limit)
		dev->outcomes[FUZZ_OVER_LIMIT]++;
	else if (!dev->file)
		dev->outcomes[FUZZ_STOPPED]++;
	else if (dev->waiting + count > dev->limit)
		dev->outcomes[FUZZ_OVER_LIMIT]++;
	else if (!(dev->file_flags & VFIO_NESTING_FAULT_PAGE_REQ) ||
		 !has_room(dev, count))
		dev->outcomes[FUZZ_NO_ROOM]++;
	else
		goto report;
	return;

report:
	dev->pending[dev->npending++] = (struct fuzz_group) {
		.serial = ++m->serial,
		.pasid = last->pasid,
		.gpasid = gpasid,
		.grpid = last->grpid,
		.count = count,
	};
	dev->waiting += count;
	for (i = 0; i < count; i++)
		dev->ring[dev->nring++] = (struct fuzz_record) {
			.serial = m->serial,
			.type = IOMMU_FAULT_PAGE_REQ,
			.gpasid = gpasid,
			.grpid = requests[i].grpid,
			.perm = requests[i].perm,
			.addr = requests[i].addr,
			.last = i == count - 1,
		};
}

/* What waits of the group comes before its last request. */
static void last_request(struct fuzz_model *m, struct fuzz_device *dev,
			 const struct fuzz_partial *last)
{
	struct fuzz_partial group[FUZZ_PARTIAL + 1];
	unsigned int i, count = 0, kept = 0;

	for (i = 0; i < dev->npartial; i++) {
		if (dev->partial[i].pasid == last->pasid &&
		    dev->partial[i].grpid == last->grpid)
			group[count++] = dev->partial[i];
		else
			dev->partial[kept++] = dev->partial[i];
	}
	dev->npartial = kept;
	group[count++] = *last;
	report_group(m, dev, group, count);
}

static const char *model_ask(struct fuzz_model *m,
			     const struct fuzz_step *step, int ret)
{
	int d = step->arg[0] % FUZZ_DEVICES;
	struct fuzz_device *dev = &m->devices[d];
	unsigned int p = fuzz_pasid_of(m, step), i;
	struct fuzz_partial request;
	struct fuzz_ask ask;

	fuzz_get_ask(m, step, &ask);
	if (!ask.valid)
		return NULL;
	if (ret != SVATEST_ST_OK)
		return complain("the device does not send", SVATEST_ST_OK, ret);
	dev->used |= 1ULL << p;
	m->asked += ask.count;
	if (ask.grpid != dev->open_grpid)
		dev->next_grpid = ask.grpid + (ask.distinct ? ask.count : 1);
	dev->open_grpid = ask.last ? 0 : ask.grpid;

	for (i = 0; i < ask.count; i++) {
		request = (struct fuzz_partial) {
			.pasid = p,
			.grpid = ask.grpid + (ask.distinct ? i : 0),
			.perm = ask.perm,
			.addr = ask.addr + i * SIZE_4K,
		};
		if (!fuzz_table_of(m, d, p) || !dev->page_req)
			continue;
		if (ask.last && (ask.distinct || i == ask.count - 1))
			last_request(m, dev, &request);
		else
			dev->partial[dev->npartial++] = request;
	}
	return NULL;
}

/* The bytes of a record, which the kernel must give out to the last one */
static const char *same_record(const struct fuzz_record *want,
			       const struct iommu_fault *got)
{
	struct iommu_fault all = { .type = want->type };
	uint32_t free_flags = 0;

	if (want->type == IOMMU_FAULT_PAGE_REQ) {
		free_flags = IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID;
		all.prm.flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
				(got->prm.flags & free_flags);
		if (want->last) {
			all.prm.flags |= IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE |
					 IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID;
			all.prm.cookie = got->prm.cookie;
		}
		all.prm.pasid = want->gpasid;
		all.prm.grpid = want->grpid;
		all.prm.perm = want->perm;
		all.prm.addr = want->addr;
	} else {
		all.end.flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
		all.end.pasid = want->gpasid;
		all.end.grpid = want->grpid;
		all.end.cause = want->perm;
		all.end.cookie = fuzz_cookie(want->serial);
	}
	if (!memcmp(&all, got, sizeof(all)))
		return NULL;
	snprintf(fuzz_text, sizeof(fuzz_text),
		 "a record is not as it must be: wanted type %u flags %#x pasid %u group %u addr/cause %#llx, got type %u flags %#x pasid %u group %u addr/cause %#llx",
		 all.type, all.prm.flags, all.prm.pasid, all.prm.grpid,
		 want->last && want->type != IOMMU_FAULT_PAGE_REQ ?
		 (unsigned long long)all.end.cause :
		 (unsigned long long)all.prm.addr, got->type, got->prm.flags,
		 got->prm.pasid, got->prm.grpid,
		 (unsigned long long)got->prm.addr);
	return "a record is not as it must be";
}

/* A fault of this device, in the time of this owner, and nothing else in it */
static const char *check_event(const struct fuzz_device *dev,
			       const struct iommu_fault *got)
{
	uint64_t base = FUZZ_GVA(dev->container);
	struct iommu_fault all = *got;
	bool known = false;
	unsigned int p;

	memset(all.padding2 + sizeof(all.event), 0,
	       sizeof(all.padding2) - sizeof(all.event));
	if (!(all.event.flags & IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID))
		all.event.fetch_addr = 0;
	if (!(all.event.flags & IOMMU_FAULT_UNRECOV_PASID_VALID))
		all.event.pasid = 0;
	if (!(all.event.flags & IOMMU_FAULT_UNRECOV_ADDR_VALID))
		all.event.addr = 0;
	if (memcmp(&all, got, sizeof(all)))
		return complain("bytes in a record that has none there", 0, 1);
	for (p = 0; p < FUZZ_PASIDS; p++)
		known |= dev->used >> p & 1 &&
			 (fuzz_pasid(p) == all.event.pasid ||
			  all.event.pasid >= 1000);
	if (all.event.flags & IOMMU_FAULT_UNRECOV_PASID_VALID && !known)
		return complain("a fault with a PASID that was not used", 0,
				all.event.pasid);
	if (all.event.flags & IOMMU_FAULT_UNRECOV_ADDR_VALID &&
	    all.event.addr >> 40 != base >> 40)
		return complain("a fault at an address of somebody else",
				base >> 40, all.event.addr >> 40);
	return NULL;
}

/* How many records of the next groups fit into @room */
static unsigned int whole(const struct fuzz_device *dev, unsigned int room)
{
	unsigned int count = room < dev->nring ? room : dev->nring;

	while (count && !dev->ring[count - 1].last)
		count--;
	return count;
}

static const char *take_records(struct fuzz_device *dev,
				const struct fuzz_result *result,
				unsigned int room)
{
	unsigned int i, taken = 0;
	const char *bad;

	for (i = 0; i < result->count; i++) {
		const struct iommu_fault *got = &result->records[i];
		const struct fuzz_record *want = &dev->ring[taken];

		if (got->type == IOMMU_FAULT_DMA_UNRECOV) {
			bad = check_event(dev, got);
			if (bad)
				return bad;
			continue;
		}
		if (got->type == IOMMU_FAULT_OVERFLOW)
			continue;
		if (taken == dev->nring)
			return complain("a record of nothing", 0, got->type);
		bad = same_record(want, got);
		if (bad)
			return bad;
		if (want->last && want->type == IOMMU_FAULT_PAGE_REQ)
			fuzz_learn_cookie(want->serial, got->prm.cookie);
		taken++;
	}
	if (taken && !dev->ring[taken - 1].last)
		return complain("a group is parted", 0, taken);
	/* Had there been room for the next group, it would be here. */
	if (result->count < room && whole(dev, taken + room - result->count) > taken)
		return complain("records are held back",
				whole(dev, taken + room - result->count), taken);
	memmove(dev->ring, &dev->ring[taken],
		(dev->nring - taken) * sizeof(dev->ring[0]));
	dev->nring -= taken;
	return NULL;
}

static const char *model_read(struct fuzz_model *m,
			      const struct fuzz_step *step,
			      const struct fuzz_result *result)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];
	unsigned int room = step->arg[1] % 8 == 7 ? FUZZ_ROOM :
						    step->arg[1] % 8;
	struct errors errors = {};
	bool nowhere = step->arg[2] % 8 == 1;
	int ret = result->ret;

	if (!dev->file_mine && !dev->dead_file)
		return NULL;
	if (!room)
		may(&errors, EINVAL);
	if (!dev->file_mine)
		may(&errors, ENODEV);
	if (errors.count)
		return judge(&errors, ret);
	/* Faults of DMA may be there or not. */
	if (ret == -EAGAIN)
		return dev->nring ? complain("records are held back",
					     dev->nring, 0) : NULL;
	if (ret == -EINVAL)
		return dev->nring && !whole(dev, room) ? NULL :
		       complain("no room where there is some", room, ret);
	if (nowhere)
		return ret == -EFAULT ? NULL :
		       complain("a read into nowhere", -EFAULT, ret);
	if (ret <= 0)
		return complain("a read fails", dev->nring, ret);
	return take_records(dev, result, room);
}

/* --------------------------------------------------------------- answers */

void fuzz_get_answer(struct fuzz_model *m, const struct fuzz_step *step,
		     struct fuzz_answer *a)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];
	struct iommu_page_response *resp = &a->resp[0];
	unsigned int which = dev->npending ? step->arg[1] % dev->npending : 0;

	memset(a, 0, sizeof(*a));
	a->count = 1;
	a->size = sizeof(*resp);
	*resp = (struct iommu_page_response) {
		.argsz = sizeof(*resp),
		.version = IOMMU_PAGE_RESP_VERSION_1,
		.flags = IOMMU_PAGE_RESP_PASID_VALID,
		.pasid = 4711,
		.grpid = 77,
		.code = step->arg[3] % 16 ? step->arg[3] % 2 : 2,
	};
	if (dev->npending) {
		a->group = &dev->pending[which];
		resp->pasid = a->group->gpasid;
		resp->grpid = a->group->grpid;
		resp->cookie = fuzz_cookie(a->group->serial);
	}
	if (resp->cookie)
		resp->flags |= IOMMU_PAGE_RESP_COOKIE_VALID;

	switch (step->arg[2] % 16) {
	case 4:
		a->size = 24;
		resp->argsz = 24;
		resp->flags &= ~IOMMU_PAGE_RESP_COOKIE_VALID;
		break;
	case 5:
		resp->cookie += 1ULL << 40;
		resp->flags |= IOMMU_PAGE_RESP_COOKIE_VALID;
		a->err = ENOENT;
		break;
	case 6:
		resp->pasid ^= 0x80000;
		a->err = ENOENT;
		break;
	case 7:
		resp->code = 3;
		a->err = EINVAL;
		break;
	case 8:
		a->size = 40;
		resp->argsz = 40;
		break;
	case 9:
		a->size = 40;
		resp->argsz = 40;
		a->resp[1].argsz = 1;
		a->err = E2BIG;
		break;
	case 10:
		a->size = 28;
		resp->argsz = 28;
		a->err = EINVAL;
		break;
	case 11:
		resp->flags |= 1U << 31;
		a->err = EINVAL;
		break;
	case 12:
		resp->version = 2;
		a->err = EINVAL;
		break;
	case 13:
		resp->grpid ^= 0x40000000;
		a->err = ENOENT;
		break;
	case 14: /* twice in one write */
		if (step->op == FUZZ_ANSWER) {
			a->resp[1] = a->resp[0];
			a->count = 2;
			a->size = 2 * sizeof(*resp);
		}
		break;
	}
	if (a->err)
		a->group = NULL;
}

static void give_answer(struct fuzz_device *dev, const struct fuzz_answer *a)
{
	unsigned int index = a->group - dev->pending;

	end_group(dev, index, (enum fuzz_outcome)a->resp[0].code);
}

static const char *model_answer(struct fuzz_model *m,
				const struct fuzz_step *step, int ret)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];
	struct errors errors = {};
	struct fuzz_answer a;
	const char *bad;

	if (!dev->file_mine && !dev->dead_file)
		return NULL;
	fuzz_get_answer(m, step, &a);
	if (!dev->file_mine)
		may(&errors, ENODEV);
	if (a.err)
		may(&errors, a.err);
	else if (!a.group)
		may(&errors, ENOENT);
	bad = judge(&errors, ret);
	if (bad || errors.count)
		return bad;
	if (ret != 1)
		return complain("more than one answer to a group", 1, ret);
	give_answer(dev, &a);
	return NULL;
}

static const char *model_answer_op(struct fuzz_model *m,
				   const struct fuzz_step *step, int ret)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];
	struct errors errors = {};
	struct fuzz_answer a;
	const char *bad;

	if (!dev->mine)
		return NULL;
	fuzz_get_answer(m, step, &a);
	if (a.err)
		may(&errors, a.err);
	if (!dev->handler || !a.group)
		may(&errors, ENOENT);
	bad = judge(&errors, ret);
	if (bad || errors.count)
		return bad;
	give_answer(dev, &a);
	return NULL;
}

static const char *model_expire(struct fuzz_model *m,
				const struct fuzz_step *step, int ret)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];

	if (!dev->mine || !dev->handler)
		return NULL;
	if (ret)
		return complain("a deadline that does not come", 0, ret);
	end_groups(dev, -1, FUZZ_DEADLINE);
	return NULL;
}

/* ------------------------------------------------- devices and containers */

static const char *model_open(struct fuzz_model *m,
			      const struct fuzz_step *step, int ret)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];

	if (dev->mine || dev->container < 0)
		return NULL;
	if (ret)
		return complain("a device does not open", 0, ret);
	dev->mine = true;
	return NULL;
}

static void drop_files(struct fuzz_model *m, int d)
{
	struct fuzz_device *dev = &m->devices[d];

	dev->dead_file = false;
	if (dev->file_mine) {
		dev->file_mine = false;
		if (!dev->file_held)
			close_file(dev);
	}
}

static const char *model_close(struct fuzz_model *m,
			       const struct fuzz_step *step)
{
	int d = step->arg[0] % FUZZ_DEVICES;
	struct fuzz_device *dev = &m->devices[d];

	if (!dev->mine)
		return NULL;
	dev->mine = false;
	if (!dev->held)
		close_device(m, d);
	return NULL;
}

static const char *model_leave(struct fuzz_model *m,
			       const struct fuzz_step *step, int ret)
{
	int d = step->arg[0] % FUZZ_DEVICES, i;
	struct fuzz_device *dev = &m->devices[d];
	struct fuzz_container *c;

	if (m->holder || dev->container < 0)
		return NULL;
	if (step->op == FUZZ_LEAVE && step->arg[1] % 2 && dev->mine)
		return ret == -EBUSY ? NULL :
		       complain("a group leaves with its device open", -EBUSY,
				ret);
	if (ret)
		return complain("a group does not leave", 0, ret);
	c = &m->containers[dev->container];
	drop_files(m, d);
	if (dev->mine) {
		dev->mine = false;
		close_device(m, d);
	}
	dev->container = -1;
	for (i = 0; i < FUZZ_DEVICES; i++)
		if (m->devices[i].container == c - m->containers)
			return NULL;
	c->set = false;
	c->unmapped = false;
	memset(c->pasids, 0, sizeof(c->pasids));
	return NULL;
}

static const char *model_join(struct fuzz_model *m,
			      const struct fuzz_step *step, int ret)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];
	unsigned int c = step->arg[1] % FUZZ_CONTAINERS;

	if (m->holder || dev->container >= 0)
		return NULL;
	if (ret)
		return complain("a group does not join", 0, ret);
	dev->container = c;
	m->containers[c].set = true;
	return NULL;
}

static const char *model_reset(struct fuzz_model *m,
			       const struct fuzz_step *step, int ret)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];

	if (!dev->mine)
		return NULL;
	if (ret)
		return complain("a reset fails", 0, ret);
	end_groups(dev, -1, FUZZ_FORGOTTEN);
	drop_partial(dev, -1);
	dev->answered = 0;
	dev->wild = false;
	dev->failed = false;
	return NULL;
}

static const char *model_hold(struct fuzz_model *m, int ret)
{
	struct fuzz_device *dev;

	if (m->holder)
		return NULL;
	if (ret)
		return complain("no holder", 0, ret);
	m->holder = true;
	for (dev = m->devices; dev < m->devices + FUZZ_DEVICES; dev++) {
		dev->held = dev->mine;
		dev->file_held = dev->file_mine;
	}
	return NULL;
}

static const char *model_let_go(struct fuzz_model *m)
{
	struct fuzz_device *dev;
	int d;

	m->holder = false;
	for (d = 0; d < FUZZ_DEVICES; d++) {
		dev = &m->devices[d];
		if (dev->file_held && !dev->file_mine)
			close_file(dev);
		dev->file_held = false;
		if (dev->held && !dev->mine) {
			dev->held = false;
			close_device(m, d);
		}
		dev->held = false;
	}
	return NULL;
}

/* ----------------------------------------------------------------- memory */

static const char *model_dma(struct fuzz_model *m,
			     const struct fuzz_step *step, int ret)
{
	int d = step->arg[0] % FUZZ_DEVICES;
	struct fuzz_device *dev = &m->devices[d];
	unsigned int p = fuzz_pasid_of(m, step);
	struct fuzz_container *c;
	int table;

	if (!dev->mine || dev->wild)
		return NULL;
	dev->used |= 1ULL << p;
	m->nonce++;
	c = &m->containers[dev->container];
	table = fuzz_table_of(m, d, p) - 1;
	if (table < 0 || !c->mapped[table] || c->unmapped)
		return ret == SVATEST_ST_OK ?
		       complain("a device reaches memory", SVATEST_ST_ACCESS,
				ret) : NULL;
	if (ret != SVATEST_ST_OK)
		return complain("a device does not reach its memory",
				SVATEST_ST_OK, ret);
	c->word[table] = m->nonce;
	return NULL;
}

static const char *model_unmap(struct fuzz_model *m,
			       const struct fuzz_step *step, int ret)
{
	struct fuzz_container *c = container_of(m, step);

	if (!c->set)
		return NULL;
	if (ret)
		return complain("memory is not mapped or unmapped", 0, ret);
	c->unmapped = !c->unmapped;
	return NULL;
}

static const char *model_edit(struct fuzz_model *m,
			      const struct fuzz_step *step, int ret)
{
	struct fuzz_container *c = container_of(m, step);
	unsigned int t = step->arg[1] % FUZZ_TABLES;

	if (!c->set)
		return NULL;
	if (ret)
		return complain("an invalidation fails", 0, ret);
	c->mapped[t] = !c->mapped[t];
	return NULL;
}

static const char *model_knob(struct fuzz_model *m,
			      const struct fuzz_step *step)
{
	struct fuzz_device *dev = &m->devices[step->arg[0] % FUZZ_DEVICES];

	if (dev->mine && step->arg[1] % 4 == 3)
		dev->wild = true;
	return NULL;
}

const char *fuzz_model_step(struct fuzz_model *m, const struct fuzz_step *step,
			    const struct fuzz_result *result)
{
	int ret = result->ret;

	switch (step->op) {
	case FUZZ_OPEN:
		return model_open(m, step, ret);
	case FUZZ_CLOSE:
		return model_close(m, step);
	case FUZZ_LEAVE:
	case FUZZ_DRIVER:
		return model_leave(m, step, ret);
	case FUZZ_JOIN:
		return model_join(m, step, ret);
	case FUZZ_ALLOC:
		return model_alloc(m, step, ret);
	case FUZZ_FREE:
		return model_free(m, step, ret);
	case FUZZ_BIND:
		return model_bind(m, step, ret);
	case FUZZ_UNBIND:
		return model_unbind(m, step, ret);
	case FUZZ_INVALIDATE:
	case FUZZ_ARRAY:
		return model_invalidate(m, step, ret);
	case FUZZ_RID:
		return model_rid(m, step, ret);
	case FUZZ_SET_TABLE:
		return model_set_table(m, step, ret);
	case FUZZ_UNSET_TABLE:
		return model_unset_table(m, step, ret);
	case FUZZ_ENTRY:
		return model_entry(m, step, ret);
	case FUZZ_EDIT:
		return model_edit(m, step, ret);
	case FUZZ_DMA:
		return model_dma(m, step, ret);
	case FUZZ_ASK:
		return model_ask(m, step, ret);
	case FUZZ_FAULTS_OPEN:
		return model_faults_open(m, step, result);
	case FUZZ_FAULTS_CLOSE:
		drop_files(m, step->arg[0] % FUZZ_DEVICES);
		return NULL;
	case FUZZ_READ:
		return model_read(m, step, result);
	case FUZZ_ANSWER:
		return model_answer(m, step, ret);
	case FUZZ_ANSWER_OP:
		return model_answer_op(m, step, ret);
	case FUZZ_INFO:
	case FUZZ_DRAIN:
		return model_ask_kernel(m, step, ret);
	case FUZZ_TIMEOUT:
		return model_timeout(m, step, ret);
	case FUZZ_EXPIRE:
		return model_expire(m, step, ret);
	case FUZZ_RESET:
		return model_reset(m, step, ret);
	case FUZZ_HOLD:
		return model_hold(m, ret);
	case FUZZ_LET_GO:
		return m->holder ? model_let_go(m) : NULL;
	case FUZZ_UNMAP:
		return model_unmap(m, step, ret);
	case FUZZ_KNOB:
		return model_knob(m, step);
	case FUZZ_GARBAGE:
		return ret < 0 ? NULL : complain("garbage is taken", -1, ret);
	default:
		return ret < 0 ? complain("a step fails", 0, ret) : NULL;
	}
}
