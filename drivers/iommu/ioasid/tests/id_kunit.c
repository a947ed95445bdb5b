// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the IOASID core: sets, ids, set-private ids
 */
#include <linux/sched/mm.h>

#include <kunit/static_stub.h>

#include "ioasid_kunit.h"

int ioasid_test_init(struct kunit *test)
{
	struct ioasid_ctx *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	ioasid_space_init(&c->space, SPACE_SIZE, true);
	c->limit.max = UINT_MAX;
	c->host = ioasid_set_create(&c->space, NULL, NULL, UINT_MAX);
	c->a = ioasid_set_create(&c->space, &c->limit, NULL, QUOTA);
	c->b = ioasid_set_create(&c->space, &c->limit, NULL, QUOTA);
	c->p = ioasid_set_create(NULL, &c->limit, NULL, QUOTA);
	c->q = ioasid_set_create(NULL, &c->limit, NULL, QUOTA);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->host);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->a);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->b);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->p);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->q);
	test->priv = c;
	return 0;
}

void ioasid_test_exit(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct ioasid_set *sets[] = { c->host, c->a, c->b, c->p, c->q };
	unsigned long index;
	int i;

	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		ioasid_free_all_in_set(sets[i]);
		ioasid_set_flush(sets[i]);
		KUNIT_EXPECT_EQ_MSG(test, used(sets[i]), 0, "set %d leaks", i);
		KUNIT_EXPECT_TRUE(test, xa_empty(&sets[i]->spids));
		KUNIT_EXPECT_EQ(test, refcount_read(&sets[i]->refs), 1);
		ioasid_set_put(sets[i]);
	}
	index = 0;
	KUNIT_EXPECT_NULL(test, xa_find(&c->space.ids, &index, ULONG_MAX,
					XA_PRESENT));
	xa_destroy(&c->space.ids);
	KUNIT_EXPECT_EQ(test, c->space.user_ids, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&c->limit.ids), 0);
}

/* ------------------------------------------------------------------ sets */

static void set_alloc_scopes(struct kunit *test)
{
	struct ioasid_set_info info;
	struct ioasid_set *set;

	set = ioasid_set_alloc(NULL, 1, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(set), -EINVAL);
	set = ioasid_set_alloc(NULL, 1, IOASID_SET_PRIVATE + 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(set), -EINVAL);

	set = ioasid_set_alloc(NULL, 7, IOASID_SET_SHARED);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	ioasid_set_get_info(set, &info);
	KUNIT_EXPECT_EQ(test, info.quota, 7);
	KUNIT_EXPECT_EQ(test, info.used, 0);
	KUNIT_EXPECT_GT(test, info.min, 1);
	KUNIT_EXPECT_EQ(test, info.max, ioasid_get_capacity() - 1);
	KUNIT_EXPECT_PTR_EQ(test, set->space, ioasid_system_set()->space);
	ioasid_set_put(set);

	set = ioasid_set_alloc(NULL, 7, IOASID_SET_PRIVATE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	ioasid_set_get_info(set, &info);
	KUNIT_EXPECT_EQ(test, info.min, 1);
	KUNIT_EXPECT_EQ(test, info.max, ioasid_get_capacity() - 1);
	ioasid_set_put(set);
	ioasid_set_put(NULL);

	/* The host has all of its space. */
	ioasid_set_get_info(ioasid_system_set(), &info);
	KUNIT_EXPECT_EQ(test, info.min, 1);
}

static void set_default_quota(struct kunit *test)
{
	struct ioasid_set_info info;
	struct ioasid_set *set;

	set = ioasid_set_alloc(NULL, IOASID_QUOTA_DEFAULT, IOASID_SET_PRIVATE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	ioasid_set_get_info(set, &info);
	KUNIT_EXPECT_EQ(test, info.quota, 1000);
	ioasid_set_put(set);
}

static void set_quota_is_kept(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = 0;
	int i;

	for (i = 0; i < QUOTA; i++)
		id = get_id(test, c->a);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->a, 1, INVALID_IOASID, NULL,
					   GFP_KERNEL), -EDQUOT);
	KUNIT_EXPECT_EQ(test, used(c->a), QUOTA);
	KUNIT_EXPECT_EQ(test, c->space.user_ids, QUOTA);
	/* Others are none the worse. */
	get_id(test, c->b);

	/* What is freed but still in use counts. */
	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->a, 1, INVALID_IOASID, NULL,
					   GFP_KERNEL), -EDQUOT);
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->a, id));
	get_id(test, c->a);
}

static void set_adjust(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct ioasid_set_info info;

	get_id(test, c->a);
	get_id(test, c->a);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(c->a, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(c->a, 1), -EBUSY);
	ioasid_set_get_info(c->a, &info);
	KUNIT_EXPECT_EQ(test, info.quota, QUOTA);

	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(c->a, 2), 0);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->a, 1, INVALID_IOASID, NULL,
					   GFP_KERNEL), -EDQUOT);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(c->a, 3), 0);
	get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(ioasid_system_set(), 100),
			-EINVAL);
}

static void set_user_cap(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	int i, n, id = 0;

	ioasid_adjust_set(c->a, SPACE_SIZE);
	ioasid_adjust_set(c->b, SPACE_SIZE);
	for (n = 0; n < SPACE_SIZE; n++) {
		int ret = ioasid_alloc(n % 2 ? c->a : c->b, 1, INVALID_IOASID,
				       NULL, GFP_KERNEL);

		if (ret < 0) {
			KUNIT_EXPECT_EQ(test, ret, -ENOSPC);
			break;
		}
		id = ret;
	}
	KUNIT_EXPECT_EQ(test, n, SPACE_SIZE / 2);
	KUNIT_EXPECT_EQ(test, used(c->a) + used(c->b), SPACE_SIZE / 2);

	/* All the rest is the host's, and devices with 8 bits get theirs. */
	for (i = 0; i < SPACE_SIZE / 2 - 1; i++)
		get_id(test, c->host);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->host, 1, INVALID_IOASID, NULL,
					   GFP_KERNEL), -ENOSPC);

	/* One back, one out. */
	KUNIT_EXPECT_EQ(test, ioasid_free(is_live(c->a, id) ? c->a : c->b, id), 0);
	get_id(test, c->a);
	KUNIT_EXPECT_LT(test, ioasid_alloc(c->b, 1, INVALID_IOASID, NULL,
					   GFP_KERNEL), 0);
}

/* What all user sets hold together, whatever their space. */
static void set_user_limit(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct ioasid_set *sets[] = { c->a, c->p, c->b, c->q };
	ioasid_t ids[8];
	int i;

	c->limit.max = ARRAY_SIZE(ids);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = get_id(test, sets[i % 4]);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, ioasid_alloc(sets[i], 1, INVALID_IOASID,
						   NULL, GFP_KERNEL), -ENOSPC);
		KUNIT_EXPECT_EQ(test, used(sets[i]), 2);
	}
	KUNIT_EXPECT_EQ(test, c->space.user_ids, 4);
	/* The host has all it wants. */
	get_id(test, c->host);

	/* One back, one out, of whatever set; what is still in use counts. */
	KUNIT_EXPECT_EQ(test, ioasid_get(c->p, ids[1]), 0);
	ioasid_free(c->p, ids[1]);
	KUNIT_EXPECT_EQ(test, alloc_one(c->q, 100), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->p, ids[1]));
	KUNIT_EXPECT_EQ(test, alloc_one(c->q, 100), 100);
	KUNIT_EXPECT_EQ(test, alloc_one(c->a, 500), -ENOSPC);

	/* A refusal for another reason books nothing. */
	c->limit.max++;
	KUNIT_EXPECT_EQ(test, alloc_one(c->q, 100), -ENOSPC);
	KUNIT_EXPECT_EQ(test, alloc_one(c->a, 500), 500);

	/* A lower limit takes nothing away. */
	c->limit.max = 1;
	KUNIT_EXPECT_TRUE(test, is_live(c->a, 500));
	ioasid_free(c->a, 500);
	KUNIT_EXPECT_EQ(test, alloc_one(c->a, 500), -ENOSPC);
}

static void set_floor(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id;
	int i;

	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->a, 1, SPACE_FLOOR - 1, NULL,
					   GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, used(c->a), 0);
	for (i = 0; i < QUOTA; i++)
		KUNIT_EXPECT_GE(test, get_id(test, c->a), SPACE_FLOOR);

	for (i = 1; i < SPACE_FLOOR; i++) {
		id = get_id(test, c->host);
		KUNIT_EXPECT_LT(test, id, SPACE_FLOOR);
	}
	KUNIT_EXPECT_GE(test, get_id(test, c->host), SPACE_FLOOR);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->host, 1, SPACE_FLOOR - 1, NULL,
					   GFP_KERNEL), -ENOSPC);
}

static void set_private_is_own_space(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	int one, two;

	KUNIT_EXPECT_EQ(test, alloc_one(c->p, 1), 1);
	KUNIT_EXPECT_EQ(test, alloc_one(c->q, 1), 1);
	KUNIT_EXPECT_EQ(test, alloc_one(c->p, 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(c->p, 1, &one), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(c->q, 1, &two), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(c->p, 1, NULL), &one);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(c->q, 1, NULL), &two);
	KUNIT_EXPECT_EQ(test, ioasid_free(c->p, 1), 0);
	KUNIT_EXPECT_FALSE(test, is_live(c->p, 1));
	KUNIT_EXPECT_TRUE(test, is_live(c->q, 1));
	/* Not a number of the host's is used. */
	KUNIT_EXPECT_EQ(test, c->space.user_ids, 0);
	/* Highest id there can be. */
	KUNIT_EXPECT_EQ(test, alloc_one(c->p, ioasid_get_capacity() - 1),
			ioasid_get_capacity() - 1);
}

static void set_token(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc(), *other = mm_alloc();
	struct ioasid_set *one, *two, *set;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_NULL(test, ioasid_find_mm_set(mm, NULL));
	KUNIT_EXPECT_NULL(test, ioasid_find_mm_set(NULL, NULL));

	one = ioasid_set_alloc(mm, 1, IOASID_SET_PRIVATE);
	two = ioasid_set_alloc(mm, 2, IOASID_SET_SHARED);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, one);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, two);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_count), 3);
	KUNIT_EXPECT_NULL(test, ioasid_find_mm_set(other, NULL));

	set = ioasid_find_mm_set(mm, NULL);
	KUNIT_EXPECT_PTR_EQ(test, set, two);
	KUNIT_EXPECT_EQ(test, refcount_read(&two->refs), 2);
	set = ioasid_find_mm_set(mm, set);
	KUNIT_EXPECT_PTR_EQ(test, set, one);
	KUNIT_EXPECT_EQ(test, refcount_read(&two->refs), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&two->pins), 1);
	set = ioasid_find_mm_set(mm, set);
	KUNIT_EXPECT_NULL(test, set);
	KUNIT_EXPECT_EQ(test, refcount_read(&one->refs), 1);

	/* A dead set is not found though it waits for an id. */
	KUNIT_EXPECT_EQ(test, alloc_one(one, 5), 5);
	KUNIT_EXPECT_EQ(test, ioasid_get(one, 5), 0);
	ioasid_set_put(two);
	ioasid_set_put(one);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_count), 1);
	KUNIT_EXPECT_NULL(test, ioasid_find_mm_set(mm, NULL));
	KUNIT_EXPECT_TRUE(test, ioasid_put(one, 5));
	mmput(other);
	mmput(mm);
}

bool ioasid_test_set_listed(u64 num)
{
	struct ioasid_set *set = NULL;
	bool found = false;

	while ((set = ioasid_set_next(set)))
		found |= set->num == num;
	return found;
}

static void set_put_frees_all(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct ioasid_set *set;
	ioasid_t id;
	u64 num;

	set = ioasid_set_create(&c->space, &c->limit, NULL, 3);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	num = set->num;
	get_id(test, set);
	id = get_id(test, set);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(set, id, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);

	ioasid_set_get(set);
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, is_live(set, id));
	ioasid_set_put(set);

	/* The id that is still used keeps its number and the set. */
	KUNIT_EXPECT_EQ(test, c->space.user_ids, 1);
	KUNIT_EXPECT_FALSE(test, is_live(set, id));
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 1, false), -ENOENT);
	KUNIT_EXPECT_EQ(test, alloc_one(c->a, id), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, ioasid_test_set_listed(num));
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	KUNIT_EXPECT_EQ(test, alloc_one(c->a, id), id);
	KUNIT_EXPECT_FALSE(test, ioasid_test_set_listed(num));
}

struct visit {
	struct ioasid_set *set;
	ioasid_t ids[8];
	int n;
	bool free;
};

static void visit_one(ioasid_t id, void *data)
{
	struct visit *v = data;

	if (v->n < ARRAY_SIZE(v->ids))
		v->ids[v->n] = id;
	v->n++;
	if (v->free) {
		ioasid_free(v->set, id);
		/* Is not visited, or this would never end. */
		ioasid_alloc(v->set, 1, INVALID_IOASID, NULL, GFP_KERNEL);
	}
}

static void set_for_each(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct visit v = { .set = c->a };
	ioasid_t one, two, three;

	one = get_id(test, c->a);
	get_id(test, c->b);
	two = get_id(test, c->a);
	three = get_id(test, c->a);
	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, two), 0);
	ioasid_free(c->a, two);

	ioasid_set_for_each_ioasid(c->a, visit_one, &v);
	KUNIT_EXPECT_EQ(test, v.n, 2);
	KUNIT_EXPECT_EQ(test, v.ids[0], three);
	KUNIT_EXPECT_EQ(test, v.ids[1], one);
	ioasid_put(c->a, two);

	v = (struct visit){ .set = c->a, .free = true };
	ioasid_set_for_each_ioasid(c->a, visit_one, &v);
	KUNIT_EXPECT_EQ(test, v.n, 2);
	KUNIT_EXPECT_EQ(test, used(c->a), 2);
	KUNIT_EXPECT_FALSE(test, is_live(c->a, one));
}

static void set_free_range(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id;

	for (id = 10; id <= 20; id++)
		KUNIT_EXPECT_EQ(test, alloc_one(c->p, id), id);
	ioasid_free_range(c->p, 12, 14);
	ioasid_free_range(c->p, 19, INVALID_IOASID);
	ioasid_free_range(c->p, 0, 9);
	ioasid_free_range(c->p, 18, 17);
	for (id = 10; id <= 20; id++)
		KUNIT_EXPECT_EQ_MSG(test, is_live(c->p, id),
				    id < 12 || (id > 14 && id < 19), "id %u", id);
	/* What others have in the range is theirs. */
	id = get_id(test, c->b);
	ioasid_free_all_in_set(c->a);
	KUNIT_EXPECT_TRUE(test, is_live(c->b, id));
	ioasid_free_all_in_set(c->p);
	KUNIT_EXPECT_EQ(test, used(c->p), 0);
}

/* Where others have ids between: by age if the range is wide, else by number */
static void set_free_range_among_others(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id;

	for (id = 300; id <= 340; id += 10) {
		KUNIT_EXPECT_EQ(test, alloc_one(c->a, id), id);
		KUNIT_EXPECT_EQ(test, alloc_one(c->b, id + 5), id + 5);
	}
	ioasid_free_range(c->a, 310, 330);
	for (id = 300; id <= 340; id += 10) {
		KUNIT_EXPECT_EQ_MSG(test, is_live(c->a, id),
				    id < 310 || id > 330, "id %u", id);
		KUNIT_EXPECT_TRUE(test, is_live(c->b, id + 5));
	}

	for (id = 400; id <= 405; id++)
		KUNIT_EXPECT_EQ(test, alloc_one(id == 402 ? c->b : c->a, id), id);
	ioasid_free_range(c->a, 401, 404);
	for (id = 400; id <= 405; id++)
		KUNIT_EXPECT_EQ_MSG(test, is_live(id == 402 ? c->b : c->a, id),
				    id == 400 || id == 402 || id == 405, "id %u", id);
}

static struct ioasid_set *no_set(void)
{
	return NULL;
}

static void set_alloc_fails_without_memory(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();

	KUNIT_ASSERT_NOT_NULL(test, mm);
	kunit_activate_static_stub(test, ioasid_set_new, no_set);
	KUNIT_EXPECT_EQ(test, PTR_ERR(ioasid_set_alloc(mm, 1,
						       IOASID_SET_SHARED)),
			-ENOMEM);
	kunit_deactivate_static_stub(test, ioasid_set_new);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_count), 1);
	KUNIT_EXPECT_NULL(test, ioasid_find_mm_set(mm, NULL));
	mmput(mm);
}

static void space_capacity(struct kunit *test)
{
	struct ioasid_space space;

	ioasid_space_init(&space, IOASID_CAPACITY_MAX, true);
	KUNIT_EXPECT_EQ(test, space.floor, IOASID_HOST_FLOOR);
	ioasid_space_report(&space, 0);
	ioasid_space_report(&space, 1);
	KUNIT_EXPECT_EQ(test, space.capacity, IOASID_CAPACITY_MAX);
	/* The first report counts, whatever it says ... */
	ioasid_space_report(&space, 256);
	KUNIT_EXPECT_EQ(test, space.capacity, 256);
	KUNIT_EXPECT_EQ(test, space.floor, 128);
	KUNIT_EXPECT_EQ(test, space.user_cap, 128);
	/* ... from then on the widest. */
	ioasid_space_report(&space, 0x10000);
	ioasid_space_report(&space, 1024);
	KUNIT_EXPECT_EQ(test, space.capacity, 0x10000);
	KUNIT_EXPECT_EQ(test, space.floor, IOASID_HOST_FLOOR);
	ioasid_space_report(&space, INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, space.capacity, IOASID_CAPACITY_MAX);
	KUNIT_EXPECT_EQ(test, space.user_cap, IOASID_CAPACITY_MAX / 2);

	/* The smallest that has room for an id */
	ioasid_space_init(&space, IOASID_CAPACITY_MAX, true);
	ioasid_space_report(&space, 2);
	KUNIT_EXPECT_EQ(test, space.capacity, 2);

	/* Nothing changes for the real one. */
	ioasid_install_capacity(0);
	KUNIT_EXPECT_LE(test, ioasid_get_capacity(), IOASID_CAPACITY_MAX);
}

static struct kunit_case ioasid_set_cases[] = {
	KUNIT_CASE(set_alloc_scopes),
	KUNIT_CASE(set_alloc_fails_without_memory),
	KUNIT_CASE(set_default_quota),
	KUNIT_CASE(set_quota_is_kept),
	KUNIT_CASE(set_adjust),
	KUNIT_CASE(set_user_cap),
	KUNIT_CASE(set_user_limit),
	KUNIT_CASE(set_floor),
	KUNIT_CASE(set_private_is_own_space),
	KUNIT_CASE(set_token),
	KUNIT_CASE(set_put_frees_all),
	KUNIT_CASE(set_for_each),
	KUNIT_CASE(set_free_range),
	KUNIT_CASE(set_free_range_among_others),
	KUNIT_CASE(space_capacity),
	{}
};

/* ------------------------------------------------------------------- ids */

static void id_range_arguments(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	static const struct {
		ioasid_t min, max;
		int ret;
	} cases[] = {
		{ 0, 0, -EINVAL },
		{ 0, 600, -EINVAL },
		{ 601, 600, -EINVAL },
		{ INVALID_IOASID, 1, -EINVAL },
		{ INVALID_IOASID, INVALID_IOASID, -ENOSPC },
		{ SPACE_SIZE, SPACE_SIZE, -ENOSPC },
		{ SPACE_SIZE, INVALID_IOASID, -ENOSPC },
		{ 1, SPACE_FLOOR - 1, -ENOSPC },
		{ SPACE_FLOOR, SPACE_FLOOR, SPACE_FLOOR },
		{ SPACE_FLOOR, SPACE_FLOOR, -ENOSPC },
		{ SPACE_SIZE - 1, SPACE_SIZE - 1, SPACE_SIZE - 1 },
		{ SPACE_SIZE - 1, INVALID_IOASID, -ENOSPC },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, ioasid_alloc(c->a, cases[i].min,
						       cases[i].max, NULL,
						       GFP_KERNEL),
				    cases[i].ret, "case %d", i);
	KUNIT_EXPECT_EQ(test, used(c->a), 2);
	KUNIT_EXPECT_EQ(test, c->space.user_ids, 2);
}

static void id_cyclic(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t first, id;
	int i, fresh = 0;

	first = get_id(test, c->a);
	ioasid_free(c->a, first);
	/* All others come before the first one comes again. */
	for (i = 0; i < SPACE_SIZE - SPACE_FLOOR - 1; i++) {
		id = get_id(test, i % 2 ? c->a : c->b);
		fresh += id != first;
		ioasid_free(i % 2 ? c->a : c->b, id);
	}
	KUNIT_EXPECT_EQ(test, fresh, SPACE_SIZE - SPACE_FLOOR - 1);
	KUNIT_EXPECT_EQ(test, get_id(test, c->a), first);

	/* The host's too, in the range it prefers. */
	first = get_id(test, c->host);
	ioasid_free(c->host, first);
	KUNIT_EXPECT_NE(test, get_id(test, c->host), first);

	/* And those of a private set. */
	first = get_id(test, c->p);
	ioasid_free(c->p, first);
	KUNIT_EXPECT_NE(test, get_id(test, c->p), first);
}

static void id_exact_does_not_steer(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, alloc_one(c->b, id + 100), id + 100);
	KUNIT_EXPECT_EQ(test, get_id(test, c->a), id + 1);
}

/* Nor does a narrow range, whoever asks for it; a wide one does. */
static void id_narrow_does_not_steer(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->b, id + 100, id + 101, NULL,
					   GFP_KERNEL), id + 100);
	KUNIT_EXPECT_EQ(test, get_id(test, c->a), id + 1);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->b, id + 100, SPACE_SIZE - 1, NULL,
					   GFP_KERNEL), id + 101);
	KUNIT_EXPECT_EQ(test, get_id(test, c->a), id + 2);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->a, SPACE_FLOOR, SPACE_SIZE - 1,
					   NULL, GFP_KERNEL), id + 3);

	/* The same below the floor, where a device of 8 bits takes all. */
	id = get_id(test, c->host);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->host, 100, 200, NULL, GFP_KERNEL),
			100);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->host, 1, SPACE_FLOOR - 1, NULL,
					   GFP_KERNEL), id + 1);
	KUNIT_EXPECT_EQ(test, get_id(test, c->host), id + 2);
}

/* A range that is narrow at one end goes on where the set is, not the space. */
static void id_narrow_at_one_end(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->b, id + 100, id + 110, NULL,
					   GFP_KERNEL), id + 100);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->b, SPACE_FLOOR, id + 150, NULL,
					   GFP_KERNEL), id + 101);
	/* An exact number in between does not lead on. */
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, id + 105), id + 105);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->b, id + 100, id + 110, NULL,
					   GFP_KERNEL), id + 102);
	KUNIT_EXPECT_EQ(test, get_id(test, c->a), id + 1);
}

/* A narrow range as well does not take the number that was freed last. */
static void id_narrow_is_cyclic(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	int i, id, last = 0;

	for (i = 0; i < 10; i++) {
		id = ioasid_alloc(c->a, 500, 504, NULL, GFP_KERNEL);
		KUNIT_EXPECT_NE(test, id, last);
		KUNIT_EXPECT_GE(test, id, 500);
		KUNIT_EXPECT_LE(test, id, 504);
		ioasid_free(c->a, id);
		last = id;
	}
}

/* The number that was released last is kept reserved, but for nobody. */
static void id_released_last_is_available(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = SPACE_FLOOR + XA_CHUNK_SIZE;
	int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, alloc_one(c->a, id), id);
		ioasid_free(c->a, id);
	}
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, id + 1), id + 1);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(c->b, id, id + 1, NULL, GFP_KERNEL),
			id);
	ioasid_free(c->b, id);

	/* And one of another node takes its place. */
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, 2 * id), 2 * id);
	ioasid_free(c->b, 2 * id);
	for (i = SPACE_FLOOR; i < SPACE_SIZE; i++)
		if (i != id + 1)
			KUNIT_EXPECT_EQ(test, alloc_one(c->host, i), i);
	KUNIT_EXPECT_EQ(test, alloc_one(c->a, id), -ENOSPC);
}

/* What was reserved and is taken again does not go with the next that is released. */
static void id_released_and_taken_again(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = SPACE_FLOOR + XA_CHUNK_SIZE, far = id + 4 * XA_CHUNK_SIZE;

	KUNIT_EXPECT_EQ(test, alloc_one(c->a, id), id);
	ioasid_free(c->a, id);
	KUNIT_EXPECT_EQ(test, alloc_one(c->a, id), id);
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, far), far);
	ioasid_free(c->b, far);
	KUNIT_EXPECT_TRUE(test, is_live(c->a, id));
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, id), -ENOSPC);
}

static void id_foreign_is_unknown(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a), gone = get_id(test, c->a);
	ioasid_t probe[2];
	int i, x;

	ioasid_free(c->a, gone);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 3), 0);
	probe[0] = id;		/* of another set */
	probe[1] = gone;	/* of nobody */
	for (i = 0; i < 2; i++) {
		ioasid_t n = probe[i];

		KUNIT_EXPECT_EQ(test, ioasid_free(c->b, n), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_get(c->b, n), -ENOENT);
		KUNIT_EXPECT_FALSE(test, ioasid_put(c->b, n));
		KUNIT_EXPECT_EQ(test, PTR_ERR(ioasid_find(c->b, n, NULL)),
				-ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_attach_data(c->b, n, &x), -ENOENT);
		ioasid_detach_data(c->b, n);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->b, n, 9), -ENOENT);
		ioasid_detach_spid(c->b, n);
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(c->b, n), -ENOENT);
	}
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->b, 3, true), -ENOENT);
	/* Nothing of this has changed anything. */
	KUNIT_EXPECT_TRUE(test, is_live(c->a, id));
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 3, false), id);
	KUNIT_EXPECT_EQ(test, ioasid_free(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, used(c->a), 0);
}

static void id_references(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(c->a, id));
	KUNIT_EXPECT_TRUE(test, is_live(c->a, id));

	KUNIT_EXPECT_EQ(test, ioasid_free(c->a, id), 0);
	/* No new user, and not available. */
	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, id), -ENOENT);
	KUNIT_EXPECT_FALSE(test, is_live(c->a, id));
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(c->a, id, c), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, id), -ENOSPC);
	KUNIT_EXPECT_EQ(test, used(c->a), 1);
	/* The refused get left the count as it was. */
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->a, id));
	KUNIT_EXPECT_EQ(test, used(c->a), 0);
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, id), id);
}

/* What a look-up does that found the id just before it was freed. */
static void id_get_meets_free(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a);
	struct ioasid_data *data = xa_load(&c->space.ids, id);

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_TRUE(test, ioasid_data_tryget(data));
	ioasid_free(c->a, id);
	KUNIT_EXPECT_FALSE(test, ioasid_data_tryget(data));
	KUNIT_EXPECT_EQ(test, refcount_read(&data->refs), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->a, id));
}

static void id_free_twice(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(c->a, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(c->a, id));
	KUNIT_EXPECT_EQ(test, used(c->a), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->a, id));
	KUNIT_EXPECT_EQ(test, ioasid_free(c->a, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, used(c->a), 0);
}

struct object {
	int refs;
	bool dying;
};

static bool object_get(void *private)
{
	struct object *o = private;

	if (o->dying)
		return false;
	o->refs++;
	return true;
}

static void id_private_data(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct object o = {};
	int id;

	id = ioasid_alloc(c->a, 1, INVALID_IOASID, &o, GFP_KERNEL);
	KUNIT_ASSERT_GT(test, id, 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(c->a, id, NULL), &o);
	KUNIT_EXPECT_EQ(test, o.refs, 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(c->a, id, object_get), &o);
	KUNIT_EXPECT_EQ(test, o.refs, 1);
	o.dying = true;
	KUNIT_EXPECT_NULL(test, ioasid_find(c->a, id, object_get));

	KUNIT_EXPECT_EQ(test, ioasid_attach_data(c->a, id, c), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(c->a, id, NULL), -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(c->a, id, NULL), &o);
	ioasid_detach_data(c->a, id);
	KUNIT_EXPECT_NULL(test, ioasid_find(c->a, id, object_get));
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(c->a, id, c), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(c->a, id, NULL), c);

	/* Can be taken away after the free as well. */
	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, id), 0);
	ioasid_free(c->a, id);
	ioasid_detach_data(c->a, id);
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->a, id));
}

/* --------------------------------------------------------- set-private ids */

static void spid_both_ways(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a), other = get_id(test, c->b);

	KUNIT_EXPECT_EQ(test, ioasid_find_spid(c->a, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 5, true), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(c->a, id), 5);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 5, false), id);

	/* Sets do not see each other's. */
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->b, 5, false), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->b, other, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->b, 5, false), other);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 5, false), id);

	ioasid_detach_spid(c->a, id);
	ioasid_detach_spid(c->a, id);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(c->a, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 5, false), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->b, 5, false), other);
	/* And can have another one afterwards. */
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id,
						 IOASID_CAPACITY_MAX - 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(c->a, id),
			IOASID_CAPACITY_MAX - 1);
}

static void spid_refusals(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a), two = get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, IOASID_CAPACITY_MAX),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, INVALID_IOASID),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, two, 5), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 6), -EBUSY);
	/* A refusal leaves neither a reference nor a number behind. */
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 6, false), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(c->a, two), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 5, false), id);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, two, 6), 0);
	ioasid_free(c->a, id);
	ioasid_free(c->a, two);
	KUNIT_EXPECT_EQ(test, used(c->a), 0);
}

/* One that is the number of an id, of its own or another one */
static void spid_that_is_an_id(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t one = get_id(test, c->p), two = get_id(test, c->p);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->p, one, one), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&c->p->spids));
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, one, false), one);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(c->p, one), one);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->p, one, one), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->p, two, one), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, one, false), one);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, two, false), -ENOENT);
	ioasid_detach_spid(c->p, one);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, one, false), -ENOENT);

	/* Crosswise */
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->p, two, one), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, one, false), two);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->p, one, one), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, one, false), two);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->p, one, two), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, two, false), one);
	ioasid_free(c->p, two);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, one, false), -ENOENT);
	ioasid_detach_spid(c->p, one);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->p, one, one), 0);
	ioasid_free(c->p, one);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->p, one, false), -ENOENT);
}

static void spid_find_takes_reference(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t id = get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 5, false), id);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 5, true), id);
	ioasid_free(c->a, id);
	KUNIT_EXPECT_EQ(test, used(c->a), 1);
	/* The number is free for another id at once. */
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 5, true), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(c->a, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, get_id(test, c->a), 5),
			0);
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->a, id));
}

static struct kunit_case ioasid_id_cases[] = {
	KUNIT_CASE(id_range_arguments),
	KUNIT_CASE(id_cyclic),
	KUNIT_CASE(id_exact_does_not_steer),
	KUNIT_CASE(id_narrow_does_not_steer),
	KUNIT_CASE(id_narrow_at_one_end),
	KUNIT_CASE(id_narrow_is_cyclic),
	KUNIT_CASE(id_released_last_is_available),
	KUNIT_CASE(id_released_and_taken_again),
	KUNIT_CASE(id_foreign_is_unknown),
	KUNIT_CASE(id_references),
	KUNIT_CASE(id_get_meets_free),
	KUNIT_CASE(id_free_twice),
	KUNIT_CASE(id_private_data),
	KUNIT_CASE(spid_both_ways),
	KUNIT_CASE(spid_refusals),
	KUNIT_CASE(spid_that_is_an_id),
	KUNIT_CASE(spid_find_takes_reference),
	{}
};

/* ------------------------------------------------------- the host's own users */

#if IS_ENABLED(CONFIG_IOMMU_API)

/* The host's own users come through the IOMMU core. */
static void global_pasid(struct kunit *test)
{
	struct dev_iommu small = { .max_pasids = 256 }, none = {};
	struct device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	struct ioasid_set *system = ioasid_system_set(), *user;
	unsigned int before = used(system);
	ioasid_t one, two;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->iommu = &none;
	KUNIT_EXPECT_EQ(test, iommu_alloc_global_pasid(dev),
			IOMMU_PASID_INVALID);
	dev->iommu = &small;
	one = iommu_alloc_global_pasid(dev);
	two = iommu_alloc_global_pasid(dev);
	KUNIT_EXPECT_NE(test, one, IOMMU_PASID_INVALID);
	KUNIT_EXPECT_NE(test, two, IOMMU_PASID_INVALID);
	KUNIT_EXPECT_NE(test, one, two);
	KUNIT_EXPECT_LT(test, one, 256);
	KUNIT_EXPECT_LT(test, two, 256);
	KUNIT_EXPECT_TRUE(test, is_live(system, one));
	KUNIT_EXPECT_EQ(test, used(system), before + 2);

	/* One space for host and guests. */
	user = ioasid_set_alloc(NULL, 10, IOASID_SET_SHARED);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, user);
	KUNIT_EXPECT_EQ(test, ioasid_free(user, one), -ENOENT);
	KUNIT_EXPECT_EQ(test, alloc_one(user, one), -ENOSPC);
	KUNIT_EXPECT_GE(test, get_id(test, user), IOASID_HOST_FLOOR);
	ioasid_set_put(user);

	iommu_free_global_pasid(one);
	iommu_free_global_pasid(two);
	ioasid_set_flush(system);
	KUNIT_EXPECT_EQ(test, used(system), before);
}

static struct kunit_case ioasid_host_cases[] = {
	KUNIT_CASE(global_pasid),
	{}
};
#endif

static struct kunit_suite ioasid_set_suite = {
	.name = "ioasid-set",
	.init = ioasid_test_init,
	.exit = ioasid_test_exit,
	.test_cases = ioasid_set_cases,
};

static struct kunit_suite ioasid_id_suite = {
	.name = "ioasid",
	.init = ioasid_test_init,
	.exit = ioasid_test_exit,
	.test_cases = ioasid_id_cases,
};

kunit_test_suites(&ioasid_set_suite, &ioasid_id_suite);

#if IS_ENABLED(CONFIG_IOMMU_API)
static struct kunit_suite ioasid_host_suite = {
	.name = "ioasid-host",
	.test_cases = ioasid_host_cases,
};

kunit_test_suite(ioasid_host_suite);
#endif

MODULE_DESCRIPTION("KUnit tests of the IOASID core");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_LICENSE("GPL");
