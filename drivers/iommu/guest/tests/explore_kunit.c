// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of two calls in every order
 *
 * Two calls that share a device, a PASID, a table or a page request run in orders
 * that explore.h makes. What comes out must be what comes out if one of them runs
 * after the other: what both return, what hardware translates by, what the owner
 * of the faults has seen, and how groups ended. After each order the devices are
 * closed, and then each group has one answer and nothing is left.
 *
 * A request of the device has more ways: while its table is being replaced there is
 * none, and the request is refused. What stops requests meets those that are under
 * way on either side. They must be answered.
 *
 * With parameter iommu_explore.switches the two change places more often, which is
 * more orders.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "fault_kunit.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "iommu_explore."

static unsigned int explore_switches = 1;
module_param_named(switches, explore_switches, uint, 0444);
MODULE_PARM_DESC(switches, "How often two calls change places (default 1)");

static unsigned int explore_limit = UINT_MAX;
module_param_named(limit, explore_limit, uint, 0444);
MODULE_PARM_DESC(limit, "Orders for each pair of calls at most (default unlimited)");

/* How many there were */
static unsigned long explore_orders;

#define EXPLORE_PASID	10
#define EXPLORE_OTHER	11
/* What waits for an answer, and what is not complete */
#define EXPLORE_GROUP	1
#define EXPLORE_PART	7

struct explore_call;

/**
 * struct explore_pair - two calls and what they work on
 * @mock: the hardware
 * @table: device 0 has a PASID table, and no bindings
 * @owner: of the faults of device 0
 * @calls: the two
 * @rets: what they returned
 */
struct explore_pair {
	struct mock_guest *mock;
	bool table;
	struct fault_owner owner;
	const struct explore_call *calls[2];
	int rets[2];
};

/**
 * struct explore_outcome - what comes out of an order
 * @rets: what the two returned
 * @state: of the hardware
 * @faults: what the owner has seen, and what became of page requests
 */
struct explore_outcome {
	int rets[2];
	char state[64];
	char faults[128];
};

/**
 * struct explore_call - a call
 * @name: for people
 * @fn: makes it
 * @bindings: meets others where PASIDs are bound
 * @table: meets others where device 0 has a PASID table
 * @device: it is the device that does something
 * @uses_owner: it is the owner of the faults that calls
 * @cuts: a request that is under way may be seen still, or be refused
 * @stops: the owner of the faults hears of nothing, as soon as the call has begun
 * @ends_owner: afterwards there is none
 */
struct explore_call {
	const char *name;
	int (*fn)(struct explore_pair *pair);
	bool bindings;
	bool table;
	bool device;
	bool uses_owner;
	bool cuts;
	bool stops;
	bool ends_owner;
};

/* -------------------------------------------------------------- the calls */

static struct iommu_gpasid_bind_data explore_table(u64 pasid, u64 gpgd)
{
	return (struct iommu_gpasid_bind_data) {
		.argsz = sizeof(struct iommu_gpasid_bind_data),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = 48,
		.gpgd = gpgd,
		.hpasid = pasid,
	};
}

static int explore_bind(struct explore_pair *pair)
{
	return fault_bind(pair->mock, 0, EXPLORE_PASID, 0x2000);
}

static int explore_bind_all(struct explore_pair *pair)
{
	struct iommu_gpasid_bind_data data = explore_table(EXPLORE_PASID, 0x3000);

	return iommu_guest_bind_gpasid(pair->mock->ctx, NULL, &data);
}

static int explore_bind_other(struct explore_pair *pair)
{
	return fault_bind(pair->mock, 0, EXPLORE_OTHER, 0x4000);
}

static int explore_unbind(struct explore_pair *pair)
{
	iommu_guest_unbind_gpasid(pair->mock->ctx, mock_dev(pair->mock, 0),
				  EXPLORE_PASID);
	return 0;
}

static int explore_unbind_all(struct explore_pair *pair)
{
	iommu_guest_unbind_gpasid(pair->mock->ctx, NULL, EXPLORE_PASID);
	return 0;
}

static int explore_free(struct explore_pair *pair)
{
	iommu_guest_free_pasids(pair->mock->ctx, EXPLORE_PASID, EXPLORE_OTHER);
	return 0;
}

/* By somebody who does not know of bindings; the notifier of the context does. */
static int explore_free_id(struct explore_pair *pair)
{
	ioasid_free(pair->mock->set, EXPLORE_PASID);
	ioasid_set_flush(pair->mock->set);
	return 0;
}

static int explore_invalidate(struct explore_pair *pair)
{
	const struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_PASID,
		.granularity = IOMMU_INV_GRANU_DOMAIN,
	};

	return iommu_guest_cache_invalidate(pair->mock->ctx, NULL, &info);
}

static int explore_rid(struct explore_pair *pair)
{
	const struct iommu_rid_config config = {
		.argsz = sizeof(config),
		.mode = IOMMU_RID_FIRST_STAGE,
		.bind = explore_table(0, 0x5000),
	};

	return iommu_guest_set_rid(pair->mock->ctx, mock_dev(pair->mock, 0),
				   &config);
}

static int explore_block(struct explore_pair *pair)
{
	const struct iommu_rid_config config = {
		.argsz = sizeof(config),
		.mode = IOMMU_RID_BLOCK,
	};

	return iommu_guest_set_rid(pair->mock->ctx, mock_dev(pair->mock, 0),
				   &config);
}

static int explore_close(struct explore_pair *pair)
{
	iommu_guest_remove_device(pair->mock->ctx, mock_dev(pair->mock, 0));
	return 0;
}

static int explore_request(struct explore_pair *pair)
{
	return mock_request(pair->mock, 0, EXPLORE_PASID, 2, 0x1000, true);
}

static int explore_request_part(struct explore_pair *pair)
{
	return mock_request(pair->mock, 0, EXPLORE_PASID, 3, 0x1000, false);
}

static int explore_request_last(struct explore_pair *pair)
{
	return mock_request(pair->mock, 0, EXPLORE_PASID, EXPLORE_PART, 0x2000, true);
}

static int explore_respond(struct explore_pair *pair)
{
	return fault_respond(&pair->owner, EXPLORE_PASID, EXPLORE_GROUP,
			     IOMMU_PAGE_RESP_SUCCESS);
}

static int explore_expire(struct explore_pair *pair)
{
	iommu_fault_expire(pair->owner.handler, HZ * 60);
	return 0;
}

static int explore_timeout(struct explore_pair *pair)
{
	iommu_fault_handler_set_timeout(pair->owner.handler, 60000);
	return 0;
}

static int explore_stop(struct explore_pair *pair)
{
	iommu_fault_handler_stop(pair->owner.handler);
	return 0;
}

static int explore_start_anew(struct explore_pair *pair)
{
	iommu_fault_handler_stop(pair->owner.handler);
	iommu_fault_handler_start(pair->owner.handler);
	return 0;
}

static int explore_reset(struct explore_pair *pair)
{
	mock_reset(pair->mock, 0, NULL, NULL);
	return 0;
}

static int explore_drain(struct explore_pair *pair)
{
	return iommu_fault_drain(mock_dev(pair->mock, 0));
}

static int explore_set_table_of(struct explore_pair *pair, unsigned int table)
{
	const struct iommu_pasid_table_config config = {
		.argsz = sizeof(config),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = MOCK_TABLE(table),
		.format = IOMMU_PASID_FORMAT_VTD_TABLE,
		.pasid_bits = 13,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
	};

	return iommu_guest_set_table(pair->mock->ctx, mock_dev(pair->mock, 0),
				     &config);
}

static int explore_set_table(struct explore_pair *pair)
{
	return explore_set_table_of(pair, 1);
}

static int explore_unset_table(struct explore_pair *pair)
{
	iommu_guest_unset_table(pair->mock->ctx, NULL);
	return 0;
}

/* The guest changes an entry and says so. */
static int explore_change_entry(struct explore_pair *pair)
{
	const struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_PASID,
		.granularity = IOMMU_INV_GRANU_PASID,
		.granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_PASID,
		.granu.pasid_info.pasid = EXPLORE_PASID,
	};

	pair->mock->tables[0][EXPLORE_PASID] = 0x6000 | MOCK_ENTRY_PRESENT;
	return iommu_guest_cache_invalidate(pair->mock->ctx, NULL, &info);
}

#define EXPLORE(call) .name = #call, .fn = explore_##call

static const struct explore_call explore_calls[] = {
	{ EXPLORE(bind), .bindings = true, .table = true },
	{ EXPLORE(bind_all), .bindings = true },
	{ EXPLORE(bind_other), .bindings = true },
	{ EXPLORE(unbind), .bindings = true },
	{ EXPLORE(unbind_all), .bindings = true },
	{ EXPLORE(free), .bindings = true },
	{ EXPLORE(free_id), .bindings = true },
	{ EXPLORE(invalidate), .bindings = true, .table = true },
	{ EXPLORE(rid), .bindings = true, .table = true },
	{ EXPLORE(block), .bindings = true },
	{ EXPLORE(close), .bindings = true, .table = true,
	  .cuts = true, .ends_owner = true },
	{ EXPLORE(request), .bindings = true, .table = true, .device = true },
	{ EXPLORE(request_part), .bindings = true, .device = true },
	{ EXPLORE(request_last), .bindings = true, .device = true },
	{ EXPLORE(respond), .bindings = true, .table = true,
	  .uses_owner = true },
	{ EXPLORE(expire), .bindings = true, .uses_owner = true },
	{ EXPLORE(timeout), .bindings = true, .uses_owner = true },
	{ EXPLORE(stop), .bindings = true, .table = true,
	  .uses_owner = true, .cuts = true, .stops = true },
	{ EXPLORE(start_anew), .bindings = true, .uses_owner = true,
	  .cuts = true, .stops = true },
	{ EXPLORE(reset), .bindings = true, .table = true, .cuts = true },
	{ EXPLORE(drain), .bindings = true },
	{ EXPLORE(set_table), .bindings = true, .table = true },
	{ EXPLORE(unset_table), .table = true },
	{ EXPLORE(change_entry), .table = true },
};

/* ------------------------------------------------------------ an order */

/* Things as they are before each order */
static void explore_begin(struct kunit *test, struct explore_pair *pair)
{
	struct iommu_gpasid_bind_data data = explore_table(EXPLORE_PASID, 0x1000);
	struct fault_owner *owner = &pair->owner;
	struct mock_guest *mock = pair->mock;
	ioasid_t id;

	ioasid_set_flush(mock->set);
	for (id = EXPLORE_PASID; id <= EXPLORE_OTHER; id++)
		ioasid_alloc(mock->set, id, id, NULL, GFP_KERNEL);
	mock->tables[0][EXPLORE_PASID] = 0x1000 | MOCK_ENTRY_PRESENT;
	mock->tables[1][EXPLORE_PASID] = 0x7000 | MOCK_ENTRY_PRESENT;
	mock->tables[1][EXPLORE_OTHER] = 0x8000 | MOCK_ENTRY_PRESENT;

	owner->used = 0;
	owner->ended = 0;
	owner->room = FAULT_OWNER_ROOM;
	owner->handler = iommu_guest_handle_faults(mock->ctx, mock_dev(mock, 0),
						   &fault_owner_ops, owner, true);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner->handler);
	if (pair->table)
		KUNIT_ASSERT_EQ(test, 0, explore_set_table_of(pair, 0));
	else
		KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	mock_request(mock, 0, EXPLORE_PASID, EXPLORE_GROUP, 0x1000, true);
	mock_request(mock, 0, EXPLORE_PASID, EXPLORE_PART, 0x1000, false);
	KUNIT_ASSERT_EQ(test, owner->used, 1);
	mock_clear_log(mock);
}

/* What has come out, as far as it can be told without the owner of the faults */
static void explore_outcome(struct explore_pair *pair, struct explore_outcome *out)
{
	struct iommu_fault_handler *handler = pair->owner.handler;
	int used, i;

	memset(out, 0, sizeof(*out));
	memcpy(out->rets, pair->rets, sizeof(out->rets));
	strscpy(out->state, mock_state(pair->mock));
	used = scnprintf(out->faults, sizeof(out->faults), "seen %u",
			 pair->owner.used);
	if (pair->calls[0]->ends_owner || pair->calls[1]->ends_owner)
		return;
	used += scnprintf(out->faults + used, sizeof(out->faults) - used,
			  " waits %u", handler->waiting);
	if (!pair->calls[0]->stops && !pair->calls[1]->stops)
		used += scnprintf(out->faults + used, sizeof(out->faults) - used,
				  " ended %u", pair->owner.ended);
	used += scnprintf(out->faults + used, sizeof(out->faults) - used, " out");
	for (i = 0; i < IOMMU_FAULT_OUTCOMES; i++)
		used += scnprintf(out->faults + used, sizeof(out->faults) - used,
				  " %llu", handler->stats.outcomes[i]);
}

static bool explore_same(const struct explore_pair *pair,
			 const struct explore_outcome *out,
			 const struct explore_outcome *serial)
{
	const struct explore_call *call, *other;
	bool either = false;
	int i;

	for (i = 0; i < 2; i++) {
		call = pair->calls[i];
		other = pair->calls[!i];
		if (call->device && (other->cuts || out->rets[i] == -EINVAL))
			either = true;
		else if (out->rets[i] != serial->rets[i])
			return false;
	}
	return !strcmp(out->state, serial->state) &&
	       (either || !strcmp(out->faults, serial->faults));
}

/* All is closed, and the devices are opened for the next order. */
static void explore_end(struct kunit *test, struct explore_pair *pair)
{
	struct mock_guest *mock = pair->mock;
	struct mock_device *mdev;
	int i;

	mock_guest_close(mock);
	KUNIT_EXPECT_STREQ(test, mock_state(mock), "");
	for (i = 0; i < MOCK_DEVICES; i++) {
		mdev = &mock->devs[i];
		KUNIT_EXPECT_EQ(test, atomic_xchg(&mdev->groups, 0),
				atomic_xchg(&mdev->answers, 0));
		KUNIT_EXPECT_EQ(test, 0, atomic_xchg(&mdev->stale, 0));
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock_dev(mock, i)->power.usage_count));
		KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx, mock_dev(mock, i),
								mock->parent));
	}
}

static void explore_first(void *arg)
{
	struct explore_pair *pair = arg;

	pair->rets[0] = pair->calls[0]->fn(pair);
}

static void explore_second(void *arg)
{
	struct explore_pair *pair = arg;

	pair->rets[1] = pair->calls[1]->fn(pair);
}

static const explore_fn explore_both[2] = { explore_first, explore_second };

/* Each as "who began: where the other one went on" */
static void explore_name(const struct explore_way *way, unsigned int first,
			 char *words, size_t size)
{
	unsigned int i;
	int used = scnprintf(words, size, "%u:", first);

	for_each_set_bit(i, way->choices, way->count)
		used += scnprintf(words + used, size - used, " %u", i);
}

static void explore_order(struct kunit *test, struct explore_pair *pair,
			  struct explore_way *way, unsigned int first,
			  struct explore_outcome *out)
{
	explore_begin(test, pair);
	KUNIT_ASSERT_TRUE_MSG(test, explore_run(way, first, explore_both, pair),
			      "a call does not come to its end");
	explore_outcome(pair, out);
	explore_end(test, pair);
}

/* ----------------------------------------------------------- all orders */

static void explore_expect(struct kunit *test, struct explore_pair *pair,
			   const struct explore_way *way, unsigned int first,
			   const struct explore_outcome *outs)
{
	static const char * const names[] = { "one way", "other way", "now" };
	char name[64];
	int i;

	if (explore_same(pair, &outs[2], &outs[0]) ||
	    explore_same(pair, &outs[2], &outs[1]))
		return;
	explore_name(way, first, name, sizeof(name));
	KUNIT_FAIL(test, "order %s", name);
	for (i = 0; i < 3; i++)
		kunit_info(test, "%s: %d %d, %s, %s", names[i], outs[i].rets[0],
			   outs[i].rets[1], outs[i].state, outs[i].faults);
}

static void explore_pairs(struct kunit *test)
{
	struct explore_outcome outs[3];
	unsigned int first, count = 0;
	struct explore_pair *pair;
	struct explore_way way;

	pair = kunit_kzalloc(test, sizeof(*pair), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pair);
	*pair = *(const struct explore_pair *)test->param_value;
	pair->mock = test->priv;

	/* One after the other, both ways */
	for (first = 0; first < 2; first++) {
		memset(&way, 0, sizeof(way));
		explore_order(test, pair, &way, first, &outs[first]);
	}
	for (first = 0; first < 2; first++) {
		memset(&way, 0, sizeof(way));
		do {
			explore_order(test, pair, &way, first, &outs[2]);
			explore_expect(test, pair, &way, first, outs);
			count++;
		} while (READ_ONCE(test->status) != KUNIT_FAILURE &&
			 count < explore_limit &&
			 explore_next(&way, explore_switches));
	}
	explore_orders += count;
}

static bool explore_meet(const struct explore_pair *pair)
{
	const struct explore_call *one = pair->calls[0], *two = pair->calls[1];

	if (pair->table ? !one->table || !two->table : !one->bindings || !two->bindings)
		return false;
	/* An owner that answers keeps its device open. */
	return !(one->uses_owner && two->ends_owner) &&
	       !(two->uses_owner && one->ends_owner);
}

/* Each call with itself and with those that come after it */
static const void *explore_gen_pairs(const void *prev, char *desc)
{
	const unsigned int count = ARRAY_SIZE(explore_calls);
	static struct explore_pair pair;
	static unsigned int next;
	unsigned int a, b;

	if (!prev)
		next = 0;
	for (; next < 2 * count * count; next++) {
		a = next / 2 / count;
		b = next / 2 % count;
		pair.table = next % 2;
		pair.calls[0] = &explore_calls[a];
		pair.calls[1] = &explore_calls[b];
		if (a > b || !explore_meet(&pair))
			continue;
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s%s",
			 explore_calls[a].name, explore_calls[b].name,
			 pair.table ? ", table" : "");
		next++;
		return &pair;
	}
	return NULL;
}

static struct kunit_case explore_cases[] = {
	KUNIT_CASE_PARAM(explore_pairs, explore_gen_pairs),
	{}
};

static void explore_say(struct kunit_suite *suite)
{
	pr_info("# iommu-guest-explore: %lu orders\n", explore_orders);
}

static struct kunit_suite explore_suite = {
	.name = "iommu-guest-explore",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.suite_exit = explore_say,
	.test_cases = explore_cases,
};

kunit_test_suite(explore_suite);
