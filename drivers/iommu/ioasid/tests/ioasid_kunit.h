/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KUnit tests of the IOASID core: what all of them start from
 *
 * Sets are made in a small space of the test's own, so that limits can be
 * reached and a running host is not disturbed. Each test ends with all its sets
 * gone and this space empty.
 */
#ifndef __IOASID_TEST_H
#define __IOASID_TEST_H

#include <kunit/test.h>

#include "../ioasid_private.h"

#define SPACE_SIZE	1024
#define SPACE_FLOOR	256
#define QUOTA		64

#define ALLOC	IOASID_NOTIFY_ALLOC
#define FREE	IOASID_NOTIFY_FREE
#define BIND	IOASID_NOTIFY_BIND
#define UNBIND	IOASID_NOTIFY_UNBIND

struct ioasid_ctx {
	struct ioasid_space space;
	struct ioasid_user_limit limit;
	struct ioasid_set *host;	/* like the system set, in our space */
	struct ioasid_set *a, *b;	/* SHARED, in our space */
	struct ioasid_set *p, *q;	/* PRIVATE */
};

int ioasid_test_init(struct kunit *test);
void ioasid_test_exit(struct kunit *test);
bool ioasid_test_set_listed(u64 num);

static inline unsigned int used(struct ioasid_set *set)
{
	struct ioasid_set_info info;

	ioasid_set_get_info(set, &info);
	return info.used;
}

/* An id, or the end of the test. */
static inline ioasid_t get_id(struct kunit *test, struct ioasid_set *set)
{
	int id = ioasid_alloc(set, 1, INVALID_IOASID, NULL, GFP_KERNEL);

	KUNIT_ASSERT_GT(test, id, 0);
	return id;
}

static inline int alloc_one(struct ioasid_set *set, ioasid_t id)
{
	return ioasid_alloc(set, id, id, NULL, GFP_KERNEL);
}

static inline int hear_all(struct ioasid_set *set, struct notifier_block *nb)
{
	return ioasid_register_notifier(set, nb, IOASID_NOTIFY_ALL);
}

static inline bool is_live(struct ioasid_set *set, ioasid_t id)
{
	return !IS_ERR(ioasid_find(set, id, NULL));
}

#endif /* __IOASID_TEST_H */
