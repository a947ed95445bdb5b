// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of invalidations, and of payloads in user memory
 */
#include <linux/kmemleak.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "guest_kunit.h"

/* PASID 10 on both devices, 11 on device 1 where the guest calls it 12 */
static int cache_init(struct kunit *test)
{
	struct iommu_gpasid_bind_data data = {
		.argsz = sizeof(data),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = 48,
		.gpgd = 0x1000,
		.hpasid = 10,
	};
	struct mock_guest *mock;
	int ret;

	ret = mock_guest_init(test);
	if (ret)
		return ret;
	mock = test->priv;
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	data.flags = IOMMU_SVA_GPASID_VAL;
	data.hpasid = 11;
	data.gpasid = 12;
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx,
							 mock_dev(mock, 1), &data));
	mock_clear_log(mock);
	return 0;
}

static struct iommu_cache_invalidate_info inv(u8 cache, u8 granularity)
{
	return (struct iommu_cache_invalidate_info) {
		.argsz = sizeof(struct iommu_cache_invalidate_info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = cache,
		.granularity = granularity,
	};
}

static struct iommu_cache_invalidate_info inv_addr(u64 pasid, u64 addr,
						   u64 granule, u64 nb)
{
	struct iommu_cache_invalidate_info info =
		inv(IOMMU_CACHE_INV_TYPE_IOTLB, IOMMU_INV_GRANU_ADDR);

	info.granu.addr_info = (struct iommu_inv_addr_info) {
		.flags = IOMMU_INV_ADDR_FLAGS_PASID,
		.pasid = pasid,
		.addr = addr,
		.granule_size = granule,
		.nb_granules = nb,
	};
	return info;
}

static struct iommu_cache_invalidate_info inv_pasid(u64 pasid)
{
	struct iommu_cache_invalidate_info info =
		inv(IOMMU_CACHE_INV_TYPE_IOTLB, IOMMU_INV_GRANU_PASID);

	info.granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_PASID;
	info.granu.pasid_info.pasid = pasid;
	return info;
}

static int invalidate(struct mock_guest *mock, struct device *dev,
		      struct iommu_cache_invalidate_info info)
{
	mock_clear_log(mock);
	return iommu_guest_cache_invalidate(mock->ctx, dev, &info);
}

#define IOTLB	IOMMU_CACHE_INV_TYPE_IOTLB
#define DEVTLB	IOMMU_CACHE_INV_TYPE_DEV_IOTLB
#define PASIDC	IOMMU_CACHE_INV_TYPE_PASID

/* Every combination of caches at every granularity, and beyond */
static void matrix_of_caches_and_granularities(struct kunit *test)
{
	static const u8 legal[] = {
		[IOMMU_INV_GRANU_DOMAIN] = IOTLB | PASIDC,
		[IOMMU_INV_GRANU_PASID] = IOTLB | DEVTLB | PASIDC,
		[IOMMU_INV_GRANU_ADDR] = IOTLB | DEVTLB,
	};
	struct mock_guest *mock = test->priv;
	struct iommu_cache_invalidate_info info;
	int granularity, cache, want;

	for (granularity = 0; granularity < 256; granularity++) {
		for (cache = 0; cache < 256; cache++) {
			info = inv_addr(10, 0x4000, SZ_4K, 1);
			if (granularity == IOMMU_INV_GRANU_PASID)
				info = inv_pasid(10);
			info.cache = cache;
			info.granularity = granularity;
			want = granularity < ARRAY_SIZE(legal) && cache &&
			       !(cache & ~legal[granularity]) ? 0 : -EINVAL;
			KUNIT_EXPECT_EQ_MSG(test, want,
					    invalidate(mock, NULL, info),
					    "caches 0x%x at granularity %d",
					    cache, granularity);
			/* Something is invalidated iff there is a TLB in it. */
			KUNIT_EXPECT_EQ_MSG(test,
					    !want && cache & (IOTLB | DEVTLB),
					    !!mock->used,
					    "caches 0x%x at granularity %d",
					    cache, granularity);
		}
	}
}

static void addr_reaches_one_pasid_on_each_device(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, inv_addr(10, 0x4000, SZ_4K, 1)));
	EXPECT_LOG("iotlb0.a[4000-4fff] iotlb1.a[4000-4fff]");
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, mock_dev(mock, 1),
					    inv_addr(10, 0x200000, SZ_2M, 3)));
	EXPECT_LOG("iotlb1.a[200000-7fffff]");
}

static void pasid_is_named_as_the_guest_does(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, inv_pasid(12)));
	EXPECT_LOG("iotlb1.b[0-ffffffffffffffff]");
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, inv_pasid(11)));
	EXPECT_LOG("");
}

static void pasid_that_is_not_bound_is_success(struct kunit *test)
{
	static const u64 numbers[] = {
		0, 13, MOCK_PASIDS, IOASID_CAPACITY_MAX, BIT_ULL(32) + 10,
		U64_MAX,
	};
	struct mock_guest *mock = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, inv_pasid(numbers[i])));
		EXPECT_LOG("");
		KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL,
						    inv_addr(numbers[i], 0, SZ_4K, 1)));
		EXPECT_LOG("");
	}
}

static void domain_reaches_all(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, inv(IOTLB, IOMMU_INV_GRANU_DOMAIN)));
	EXPECT_LOG("iotlb0.a[0-ffffffffffffffff] iotlb1.a[0-ffffffffffffffff] iotlb1.b[0-ffffffffffffffff]");
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, mock_dev(mock, 0),
					    inv(IOTLB, IOMMU_INV_GRANU_DOMAIN)));
	EXPECT_LOG("iotlb0.a[0-ffffffffffffffff]");
}

static void tag_of_the_architecture_means_all(struct kunit *test)
{
	struct iommu_cache_invalidate_info info = inv_pasid(10);
	struct mock_guest *mock = test->priv;

	info.granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_ARCHID;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, mock_dev(mock, 1), info));
	EXPECT_LOG("iotlb1.a[0-ffffffffffffffff] iotlb1.b[0-ffffffffffffffff]");
	info.granu.pasid_info.flags |= IOMMU_INV_PASID_FLAGS_PASID;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, mock_dev(mock, 1), info));
	EXPECT_LOG("iotlb1.a[0-ffffffffffffffff]");

	info = inv_addr(10, 0x1000, SZ_4K, 1);
	info.granu.addr_info.flags = 0;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, mock_dev(mock, 1), info));
	EXPECT_LOG("iotlb1.a[1000-1fff] iotlb1.b[1000-1fff]");
}

static void each_cache_is_invalidated_by_itself(struct kunit *test)
{
	struct iommu_cache_invalidate_info info = inv_addr(12, 0, SZ_4K, 1);
	struct mock_guest *mock = test->priv;

	info.cache = DEVTLB;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, info));
	EXPECT_LOG("devtlb1.b[0-fff]");
	info.cache = IOTLB;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, info));
	EXPECT_LOG("iotlb1.b[0-fff]");
	info.cache = IOTLB | DEVTLB;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, info));
	EXPECT_LOG("iotlb1.b[0-fff] devtlb1.b[0-fff]");

	/* The PASID cache is the host's, and does not stand in for the others. */
	info = inv_pasid(12);
	info.cache = DEVTLB | PASIDC;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, info));
	EXPECT_LOG("devtlb1.b[0-ffffffffffffffff]");
	info = inv(IOTLB | PASIDC, IOMMU_INV_GRANU_DOMAIN);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, mock_dev(mock, 0), info));
	EXPECT_LOG("iotlb0.a[0-ffffffffffffffff]");
}

static void device_that_fails_is_reported_after_the_others(struct kunit *test)
{
	struct iommu_cache_invalidate_info info = inv_addr(10, 0, SZ_4K, 1);
	struct mock_guest *mock = test->priv;

	mock->devs[0].cut_off = true;
	info.cache = DEVTLB;
	KUNIT_EXPECT_EQ(test, -EIO, invalidate(mock, NULL, info));
	EXPECT_LOG("devtlb0.a[0-fff] devtlb1.a[0-fff]");
	/* In all address spaces: the PASID behind it too */
	info.granu.addr_info.flags = 0;
	KUNIT_EXPECT_EQ(test, -EIO, invalidate(mock, NULL, info));
	EXPECT_LOG("devtlb0.a[0-fff] devtlb1.a[0-fff] devtlb1.b[0-fff]");

	/* Nothing is wrong with the other device, nor with the IOTLB. */
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, mock_dev(mock, 1), info));
	info.cache = IOTLB;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, info));
}

/* The last one to fail must not be the only one that counts, nor the first. */
static void any_failing_device_is_reported(struct kunit *test)
{
	struct iommu_cache_invalidate_info info = inv_addr(10, 0, SZ_4K, 1);
	struct mock_guest *mock = test->priv;

	info.cache = IOTLB | DEVTLB;
	mock->devs[1].cut_off = true;
	KUNIT_EXPECT_EQ(test, -EIO, invalidate(mock, NULL, info));
	EXPECT_LOG("iotlb0.a[0-fff] devtlb0.a[0-fff] iotlb1.a[0-fff] devtlb1.a[0-fff]");
}

static void leaf_is_passed_on(struct kunit *test)
{
	struct iommu_cache_invalidate_info info = inv_addr(12, 0, SZ_4K, 1);
	struct mock_guest *mock = test->priv;

	info.granu.addr_info.flags |= IOMMU_INV_ADDR_FLAGS_LEAF;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, info));
	EXPECT_LOG("iotlb1.b[0-fff]leaf");
}

/* addr, granule, number: last byte, or 0 for a refusal */
static const struct inv_range {
	u64 addr, granule, nb, last;
} ranges[] = {
	{ 0, SZ_4K, 1, 0xfff },
	{ 0xffff800000000000, SZ_4K, 1, 0xffff800000000fff },
	{ 0xfffffffffffff000, SZ_4K, 1, U64_MAX },
	{ 0, SZ_4K, BIT_ULL(52), U64_MAX },
	{ 0, BIT_ULL(32), 1, U32_MAX },
	{ BIT_ULL(32), BIT_ULL(32), 3, BIT_ULL(34) - 1 },
	{ 0, BIT_ULL(63), 2, U64_MAX },
	{ BIT_ULL(63), BIT_ULL(63), 1, U64_MAX },
	{ SZ_1G, SZ_1G, 512, SZ_1G + 512ULL * SZ_1G - 1 },
	{ 0, SZ_4K, 0, 0 },
	{ 0, 0, 1, 0 },
	{ 0, 1, 1, 0 },
	{ 0, SZ_2K, 1, 0 },
	{ 0, 3 * SZ_4K, 1, 0 },
	/* Powers of two in each half alone */
	{ 0, BIT_ULL(32) + SZ_4K, 1, 0 },
	{ 0, BIT_ULL(63) + BIT_ULL(31), 1, 0 },
	{ 0, BIT_ULL(33) + BIT_ULL(32), 1, 0 },
	{ 1, SZ_4K, 1, 0 },
	{ SZ_4K, SZ_2M, 1, 0 },
	{ 0, SZ_4K, BIT_ULL(52) + 1, 0 },
	{ SZ_4K, SZ_4K, BIT_ULL(52), 0 },
	{ 0, SZ_4K, U64_MAX, 0 },
	{ 0, BIT_ULL(63), 3, 0 },
	{ 0xfffffffffffff000, SZ_4K, 2, 0 },
	{ BIT_ULL(63), BIT_ULL(63), 2, 0 },
};

static void ranges_to_the_edge(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	char want[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct inv_range *r = &ranges[i];

		KUNIT_EXPECT_EQ_MSG(test, r->last ? 0 : -EINVAL,
				    invalidate(mock, NULL,
					       inv_addr(12, r->addr, r->granule, r->nb)),
				    "range %d", i);
		want[0] = '\0';
		if (r->last)
			snprintf(want, sizeof(want), "iotlb1.b[%llx-%llx]",
				 r->addr, r->last);
		EXPECT_LOG(want);
	}
}

static void refused_invalidation_reaches_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_cache_invalidate_info info;

	info = inv_pasid(10);
	info.version = 2;
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	info = inv_pasid(10);
	info.padding[5] = 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	info = inv_pasid(10);
	info.granu.pasid_info.flags = 0;
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	info.granu.pasid_info.flags = BIT(2);
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	info.cache |= PASIDC;
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	info = inv_addr(10, 0, SZ_4K, 1);
	info.granu.addr_info.flags |= BIT(3);
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	EXPECT_LOG("");

	/* argsz must cover the operand, and no more */
	info = inv_addr(10, 0, SZ_4K, 1);
	info.argsz = 55;
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	info = inv_pasid(10);
	info.argsz = 31;
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	info = inv(IOTLB, IOMMU_INV_GRANU_DOMAIN);
	info.argsz = 15;
	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(mock, NULL, info));
	EXPECT_LOG("");
	info.argsz = 16;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, info));
	info = inv_pasid(10);
	info.argsz = 32;
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, info));
}

/* Both devices and many ranges, and hardware is waited for as seldom as can be. */
static void array_is_one_batch(struct kunit *test)
{
	struct iommu_cache_invalidate_info infos[9];
	struct mock_guest *mock = test->priv;
	unsigned int i, done, calls;

	for (i = 0; i < ARRAY_SIZE(infos); i++)
		infos[i] = inv_addr(10, i * SZ_4K, SZ_4K, 1);
	mock->batches = 0;
	calls = mock->devs[0].calls;
	mock->devs[1].calls = calls;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_cache_invalidate_array(mock->ctx, NULL, infos,
								    8, &done));
	KUNIT_EXPECT_EQ(test, 8U, done);
	KUNIT_EXPECT_EQ(test, 1U, mock->batches);
	/* What it may take is counted once, and for each device. */
	KUNIT_EXPECT_EQ(test, calls + 1, mock->devs[0].calls);
	KUNIT_EXPECT_EQ(test, calls + 1, mock->devs[1].calls);
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_cache_invalidate_array(mock->ctx, NULL, infos,
								    9, &done));
	KUNIT_EXPECT_EQ(test, 9U, done);
	KUNIT_EXPECT_EQ(test, 3U, mock->batches);
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_cache_invalidate_array(mock->ctx, NULL, infos,
								    0, &done));
	KUNIT_EXPECT_EQ(test, 0U, done);
	KUNIT_EXPECT_EQ(test, 3U, mock->batches);

	/* Nothing is to be read where there is no table. */
	infos[0] = inv_pasid(10);
	infos[0].cache |= PASIDC;
	infos[1] = infos[0];
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_cache_invalidate_array(mock->ctx, NULL, infos,
								    2, &done));
	KUNIT_EXPECT_EQ(test, 4U, mock->batches);
}

static void array_ends_at_the_first_refusal(struct kunit *test)
{
	struct iommu_cache_invalidate_info infos[3];
	struct mock_guest *mock = test->priv;
	unsigned int i, done;

	for (i = 0; i < ARRAY_SIZE(infos); i++)
		infos[i] = inv_addr(12, i * SZ_4K, SZ_4K, 1);
	infos[1].version++;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			iommu_guest_cache_invalidate_array(mock->ctx, NULL, infos,
							   ARRAY_SIZE(infos), &done));
	KUNIT_EXPECT_EQ(test, 1U, done);
	EXPECT_LOG("iotlb1.b[0-fff]");
}

/* A device that fails neither hides the others nor ends the call. */
static void array_goes_on_after_a_device_that_fails(struct kunit *test)
{
	struct iommu_cache_invalidate_info infos[2];
	struct mock_guest *mock = test->priv;
	unsigned int done;

	infos[0] = inv_addr(10, 0, SZ_4K, 1);
	infos[0].cache = DEVTLB;
	infos[1] = inv_addr(12, 0, SZ_4K, 1);
	mock->devs[0].cut_off = true;
	KUNIT_EXPECT_EQ(test, -EIO,
			iommu_guest_cache_invalidate_array(mock->ctx, NULL, infos,
							   ARRAY_SIZE(infos), &done));
	KUNIT_EXPECT_EQ(test, 2U, done);
	EXPECT_LOG("devtlb0.a[0-fff] devtlb1.a[0-fff] iotlb1.b[0-fff]");
}

static void unbound_binding_is_not_invalidated(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	iommu_guest_unbind_gpasid(mock->ctx, mock_dev(mock, 0), 10);
	KUNIT_EXPECT_EQ(test, 0, invalidate(mock, NULL, inv_pasid(10)));
	EXPECT_LOG("iotlb1.a[0-ffffffffffffffff]");
}

/* ------------------------------------------------- payloads in user memory */

void __user *mock_user_memory(struct kunit *test, size_t size)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, size,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE_MSG(test, addr, 0, "no user memory");
	/* KUnit does not give the structure back. */
	kmemleak_ignore(current->mm);
	return (void __user *)addr;
}

static void __user *user_page(struct kunit *test)
{
	return mock_user_memory(test, PAGE_SIZE * 2);
}

static void payload_follows_the_general_format(struct kunit *test)
{
	struct iommu_gpasid_bind_data data, in = {
		.argsz = sizeof(in),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.hpasid = 7,
	};
	u8 __user *uptr = user_page(test);
	const u32 size = sizeof(in);

	KUNIT_ASSERT_EQ(test, 0, copy_to_user(uptr, &in, size));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_copy_bind_data(&data, uptr, size));
	KUNIT_EXPECT_MEMEQ(test, &in, &data, size);

	/* argsz against what the caller has, the least, and the most */
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_bind_data(&data, uptr, size - 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_bind_data(&data, uptr, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_bind_data(&data, uptr, 0));
	KUNIT_ASSERT_EQ(test, 0, put_user(55, (u32 __user *)uptr));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_bind_data(&data, uptr, 4096));
	KUNIT_ASSERT_EQ(test, 0, put_user(56, (u32 __user *)uptr));
	KUNIT_ASSERT_EQ(test, 0, put_user(0xff, uptr + 60));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_copy_bind_data(&data, uptr, 4096));
	KUNIT_EXPECT_EQ(test, 0, data.vendor.vtd.flags);
	KUNIT_ASSERT_EQ(test, 0, put_user(4097, (u32 __user *)uptr));
	KUNIT_EXPECT_EQ(test, -E2BIG, iommu_guest_copy_bind_data(&data, uptr, 8192));

	/* A longer one must be zero behind what is known. */
	KUNIT_ASSERT_EQ(test, 0, put_user(4096, (u32 __user *)uptr));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_copy_bind_data(&data, uptr, 4096));
	KUNIT_ASSERT_EQ(test, 0, put_user(1, uptr + 4095));
	KUNIT_EXPECT_EQ(test, -E2BIG, iommu_guest_copy_bind_data(&data, uptr, 4096));

	KUNIT_EXPECT_EQ(test, -EFAULT, iommu_guest_copy_bind_data(&data, NULL, size));
}

static void payload_is_checked_for_unbind_too(struct kunit *test)
{
	struct iommu_gpasid_bind_data data, in = {
		.argsz = sizeof(in),
		.version = IOMMU_GPASID_BIND_VERSION_1,
	};
	u8 __user *uptr = user_page(test);

	in.version = 0;
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(uptr, &in, sizeof(in)));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_bind_data(&data, uptr, sizeof(in)));
	in.version = IOMMU_GPASID_BIND_VERSION_1;
	in.flags = BIT_ULL(40);
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(uptr, &in, sizeof(in)));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_bind_data(&data, uptr, sizeof(in)));
	in.flags = 0;
	in.padding[0] = 1;
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(uptr, &in, sizeof(in)));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_bind_data(&data, uptr, sizeof(in)));
}

static void payload_of_an_invalidation(struct kunit *test)
{
	struct iommu_cache_invalidate_info out, in = inv_addr(10, 0, SZ_4K, 1);
	u8 __user *uptr = user_page(test);

	KUNIT_ASSERT_EQ(test, 0, copy_to_user(uptr, &in, sizeof(in)));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_copy_invalidate_info(&out, uptr, sizeof(in)));
	KUNIT_EXPECT_MEMEQ(test, &in, &out, sizeof(in));
	KUNIT_ASSERT_EQ(test, 0, put_user(15, (u32 __user *)uptr));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_invalidate_info(&out, uptr, sizeof(in)));
	KUNIT_ASSERT_EQ(test, 0, put_user(16, (u32 __user *)uptr));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_copy_invalidate_info(&out, uptr, sizeof(in)));
	KUNIT_EXPECT_EQ(test, 0, out.granu.addr_info.flags);
	/* Nothing is read beyond what is there, not even argsz. */
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_copy_invalidate_info(&out, NULL, 3));
	KUNIT_EXPECT_EQ(test, -EFAULT, iommu_guest_copy_invalidate_info(&out, NULL, 4));
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE(matrix_of_caches_and_granularities),
	KUNIT_CASE(addr_reaches_one_pasid_on_each_device),
	KUNIT_CASE(pasid_is_named_as_the_guest_does),
	KUNIT_CASE(pasid_that_is_not_bound_is_success),
	KUNIT_CASE(domain_reaches_all),
	KUNIT_CASE(tag_of_the_architecture_means_all),
	KUNIT_CASE(each_cache_is_invalidated_by_itself),
	KUNIT_CASE(device_that_fails_is_reported_after_the_others),
	KUNIT_CASE(any_failing_device_is_reported),
	KUNIT_CASE(leaf_is_passed_on),
	KUNIT_CASE(ranges_to_the_edge),
	KUNIT_CASE(refused_invalidation_reaches_nothing),
	KUNIT_CASE(array_is_one_batch),
	KUNIT_CASE(array_ends_at_the_first_refusal),
	KUNIT_CASE(array_goes_on_after_a_device_that_fails),
	KUNIT_CASE(unbound_binding_is_not_invalidated),
	KUNIT_CASE(payload_follows_the_general_format),
	KUNIT_CASE(payload_is_checked_for_unbind_too),
	KUNIT_CASE(payload_of_an_invalidation),
	{}
};

static struct kunit_suite cache_suite = {
	.name = "iommu-guest-cache",
	.init = cache_init,
	.exit = mock_guest_exit,
	.test_cases = cache_cases,
};

kunit_test_suite(cache_suite);
