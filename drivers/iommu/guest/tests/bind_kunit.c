// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of bindings
 *
 * Each test says what hardware translates by, and what the IOMMU driver was
 * asked for, in the words that mock.h explains.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../fault_private.h"
#include "../guest_private.h"
#include "guest_kunit.h"

int mock_guest_init(struct kunit *test)
{
	struct mock_guest *mock = mock_guest_create();

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock);
	test->priv = mock;
	return 0;
}

static bool context_is_listed(const struct iommu_guest_ctx *ctx)
{
	struct iommu_guest_ctx *pos = NULL;
	bool found = false;

	while ((pos = iommu_guest_next_ctx(pos)))
		found |= pos == ctx;
	return found;
}

/* Whatever a test did, closing both devices must leave nothing behind */
void mock_guest_exit(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_guest_ctx *ctx;
	int i;

	if (!mock)
		return;
	mock_guest_close(mock);
	KUNIT_EXPECT_STREQ(test, mock_state(mock), "");
	for (i = 0; i < MOCK_DEVICES; i++) {
		KUNIT_EXPECT_EQ_MSG(test, atomic_read(&mock->devs[i].groups),
				    atomic_read(&mock->devs[i].answers),
				    "groups in are not answers out");
		KUNIT_EXPECT_NULL_MSG(test, iommu_fault_device_get(mock_dev(mock, i)),
				      "a PASID keeps its number");
		KUNIT_EXPECT_EQ_MSG(test, 0, atomic_read(&mock_dev(mock, i)->power.usage_count),
				    "the device is kept awake");
	}
	ctx = mock->ctx;
	KUNIT_EXPECT_EQ_MSG(test, 0, mock_guest_destroy(mock),
			    "a reference to an id or to the set leaks");
	KUNIT_EXPECT_FALSE_MSG(test, context_is_listed(ctx), "the context is still there");
	test->priv = NULL;
}

void mock_guest_own_ops(struct mock_guest *mock, unsigned int index,
			struct iommu_guest_ops *ops)
{
	struct iommu_guest_device *gdev;

	guard(mutex)(&mock->ctx->lock);
	gdev = iommu_guest_find_device(mock->ctx, mock_dev(mock, index));
	*ops = *gdev->ops;
	gdev->ops = ops;
}

void mock_guest_own_iommu_ops(struct mock_guest *mock, struct iommu_ops *ops)
{
	*ops = *mock->iommu.ops;
	mock->iommu.ops = ops;
}

bool mock_shows(struct kunit *test, unsigned int index, const char *words)
{
	struct seq_file m = { .size = PAGE_SIZE };
	char want[80];

	m.buf = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bindings_show(&m, NULL));
	snprintf(want, sizeof(want), " %s %s ", dev_name(mock_dev(test->priv, index)),
		 words);
	return strstr(m.buf, want);
}

/* A bind that nothing is wrong with */
static struct iommu_gpasid_bind_data bind_data(u64 pasid, u64 gpgd)
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

static int bind(struct mock_guest *mock, struct device *dev, u64 pasid, u64 gpgd)
{
	struct iommu_gpasid_bind_data data = bind_data(pasid, gpgd);

	return iommu_guest_bind_gpasid(mock->ctx, dev, &data);
}

static void unbind(struct mock_guest *mock, struct device *dev, u64 pasid)
{
	iommu_guest_unbind_gpasid(mock->ctx, dev, pasid);
}

/* ------------------------------------------------------- bind and unbind */

static void bind_attaches_and_unbind_keeps_its_order(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	EXPECT_LOG("BIND.a alloc0=1000 set0.a=1000");
	EXPECT_STATE("0.a=1000");

	mock_clear_log(mock);
	unbind(mock, mock_dev(mock, 0), 10);
	EXPECT_LOG("remove0.a=1000 sync0 free=1000 UNBIND.a");
	EXPECT_STATE("");
}

static void bind_without_device_means_all_of_them(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	EXPECT_LOG("BIND.a alloc0=1000 alloc1=1000 set0.a=1000 set1.a=1000");

	mock_clear_log(mock);
	unbind(mock, mock_dev(mock, 0), 10);
	EXPECT_LOG("remove0.a=1000 sync0 free=1000");
	EXPECT_STATE("1.a=1000");
	unbind(mock, NULL, 10);
	EXPECT_LOG("remove0.a=1000 sync0 free=1000 remove1.a=1000 sync1 free=1000 UNBIND.a");
}

static void unbind_of_what_is_not_bound_does_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock_clear_log(mock);
	unbind(mock, mock_dev(mock, 1), 10);
	unbind(mock, NULL, 11);
	unbind(mock, NULL, 0);
	unbind(mock, NULL, BIT_ULL(32) + 10);
	unbind(mock, NULL, U64_MAX);
	EXPECT_LOG("");
	EXPECT_STATE("0.a=1000");
}

static void bind_of_the_same_does_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	EXPECT_LOG("");
	/* Only the device that lacks it is touched. */
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	EXPECT_LOG("alloc1=1000 set1.a=1000");
}

static void bind_replaces(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x2000));
	EXPECT_LOG("alloc0=2000 remove0.a=1000 sync0 set0.a=2000 free=1000");
	EXPECT_STATE("0.a=2000");
}

static void bind_replaces_by_any_attribute(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(10, 0x1000);

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock_clear_log(mock);
	data.addr_width = 57;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, mock_dev(mock, 0), &data));
	EXPECT_LOG("alloc0=1000 remove0.a=1000 sync0 set0.a=1000 free=1000");
	mock_clear_log(mock);
	data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_SRE;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, mock_dev(mock, 0), &data));
	EXPECT_LOG("alloc0=1000 remove0.a=1000 sync0 set0.a=1000 free=1000");
	/* Nor is it the same in another format. */
	data.format = IOMMU_PASID_FORMAT_ARM_SMMU_V3;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			iommu_guest_bind_gpasid(mock->ctx, mock_dev(mock, 0), &data));
	EXPECT_STATE("0.a=1000");
}

/* Hardware is waited for together, and no device is without a table for long. */
static void bind_replaces_on_all_devices_together(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 1), 10, 0x3000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x2000));
	EXPECT_LOG("alloc0=2000 alloc1=2000 stop0.a+1.a remove0.a=1000 sync0 remove1.a=3000 sync1 set0.a=2000 set1.a=2000 free=1000 free=3000");

	/* One that has no table yet has none to be let go of. */
	unbind(mock, mock_dev(mock, 1), 10);
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	EXPECT_LOG("alloc0=1000 alloc1=1000 remove0.a=2000 sync0 set0.a=1000 set1.a=1000 free=2000");
}

/* ------------------------------------------------------- failing attaches */

static void failing_attach_leaves_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	/* The handle was visible, so it is waited for before it is freed. */
	EXPECT_LOG("BIND.a alloc0=1000 set0.a! sync0 free=1000 UNBIND.a");
	EXPECT_STATE("");
}

static void failing_attach_on_second_device_undoes_the_first(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock->devs[1].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, NULL, 10, 0x1000));
	EXPECT_LOG("BIND.a alloc0=1000 alloc1=1000 set0.a=1000 set1.a! sync1 remove0.a=1000 sync0 free=1000 free=1000 UNBIND.a");
	EXPECT_STATE("");
}

static void failing_attach_keeps_what_was_there(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	/* Device 0 has it from an earlier call, which is not undone. */
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock->devs[1].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, NULL, 10, 0x1000));
	EXPECT_STATE("0.a=1000");
}

static void failing_replacement_puts_the_old_table_back(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock_clear_log(mock);
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, mock_dev(mock, 0), 10, 0x2000));
	EXPECT_LOG("alloc0=2000 remove0.a=1000 sync0 set0.a! sync0 set0.a=1000 free=2000");
	EXPECT_STATE("0.a=1000");
	KUNIT_EXPECT_EQ(test, 0, mock->devs[0].reserve_sets);
	/* The way back, and it alone, may use what is there for emergencies. */
	mock_clear_log(mock);
	mock->devs[0].fail_sets = 2;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, mock_dev(mock, 0), 10, 0x2000));
	EXPECT_LOG("alloc0=2000 remove0.a=1000 sync0 set0.a! sync0 set0.a! sync0 set0.a=1000 free=2000");
	EXPECT_STATE("0.a=1000");
	KUNIT_EXPECT_EQ(test, 1, mock->devs[0].reserve_sets);

	/* It is a binding like any other. */
	unbind(mock, NULL, 10);
	EXPECT_STATE("");
}

static void failing_replacement_puts_back_on_all_devices(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 1), 10, 0x3000));
	mock->devs[1].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, NULL, 10, 0x2000));
	EXPECT_STATE("0.a=1000 1.a=3000");
	/* Also where the turn of the other one has not come */
	mock->devs[0].fail_sets = 1;
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, NULL, 10, 0x2000));
	EXPECT_LOG("alloc0=2000 alloc1=2000 stop0.a+1.a remove0.a=1000 sync0 remove1.a=3000 sync1 set0.a! sync0 set0.a=1000 set1.a=3000 free=2000 free=2000");
	EXPECT_STATE("0.a=1000 1.a=3000");
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x2000));
	EXPECT_STATE("0.a=2000 1.a=2000");
}

static void old_table_that_cannot_come_back_is_unbound(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock_clear_log(mock);
	mock->devs[0].fail_sets = 3;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, mock_dev(mock, 0), 10, 0x2000));
	EXPECT_LOG("alloc0=2000 remove0.a=1000 sync0 set0.a! sync0 set0.a! sync0 set0.a! sync0 free=1000 free=2000 UNBIND.a");
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x2000));
	EXPECT_STATE("0.a=2000");
}

/* Once for each of those that are there, and again when one has come */
static void repeated_bind_catches_up(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(10, 0x1000);

	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	data.flags = IOMMU_SVA_GPASID_VAL;
	data.gpasid = 20;
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx, mock_dev(mock, 1),
							mock->parent));
	EXPECT_STATE("0.a=1000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	EXPECT_LOG("alloc1=1000 set1.a=1000");
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	EXPECT_LOG("");
	EXPECT_STATE("0.a=1000 1.a=1000");

	/* One that fails to catch up leaves the others alone. */
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx, mock_dev(mock, 1),
							mock->parent));
	mock->devs[1].fail_sets = 1;
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, -ENOMEM, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	EXPECT_LOG("alloc1=1000 set1.a! sync1 free=1000");
	EXPECT_STATE("0.a=1000");
}

static void driver_without_page_requests_has_no_sync(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_guest_ops ops;

	mock_guest_own_ops(mock, 0, &ops);
	ops.fault_sync = NULL;
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	unbind(mock, NULL, 10);
	EXPECT_LOG("BIND.a alloc0=1000 set0.a=1000 remove0.a=1000 free=1000 UNBIND.a");
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
}

/* ------------------------------------------------------------ runtime PM */

static int drop_fault(void *data, const struct iommu_fault *records,
		      unsigned int count)
{
	return -ENOSPC;
}

static const struct iommu_fault_handler_ops drop_ops = { .fault = drop_fault };

static int users(struct mock_guest *mock, unsigned int index)
{
	return atomic_read(&mock_dev(mock, index)->power.usage_count);
}

static void bound_device_is_awake(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int before = users(mock, 0);

	KUNIT_ASSERT_TRUE(test, pm_runtime_suspended(mock_dev(mock, 0)));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	KUNIT_EXPECT_TRUE(test, pm_runtime_active(mock_dev(mock, 0)));
	KUNIT_EXPECT_TRUE(test, pm_runtime_suspended(mock_dev(mock, 1)));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 11, 0x1000));

	/* Nothing that comes in between is one too many, or one too few. */
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x2000));
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, mock_dev(mock, 0), 10, 0x3000));
	mock->devs[0].fail_sets = 3;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, mock_dev(mock, 0), 10, 0x3000));
	mock->fail_alloc = -EOPNOTSUPP;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, bind(mock, NULL, 10, 0x4000));
	mock->fail_alloc = 0;
	EXPECT_STATE("0.b=1000");
	pm_runtime_barrier(mock_dev(mock, 0));
	KUNIT_EXPECT_TRUE(test, pm_runtime_active(mock_dev(mock, 0)));
	KUNIT_EXPECT_EQ(test, before + 1, users(mock, 0));

	unbind(mock, NULL, 11);
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));
	KUNIT_EXPECT_EQ(test, before, users(mock, 1));
	/* It may have fallen asleep by itself. */
	KUNIT_EXPECT_LE(test, 0, pm_runtime_suspend(mock_dev(mock, 0)));
	KUNIT_EXPECT_NULL(test, strstr(mock->log, "asleep"));
}

static void device_that_does_not_wake_up_is_not_bound(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int before = users(mock, 1);

	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock_clear_log(mock);
	mock->devs[1].fail_resume = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, -EIO, bind(mock, NULL, 10, 0x2000));
	EXPECT_LOG("alloc0=2000 free=2000");
	/* Runtime PM remembers a failure, and has an errno of its own for it. */
	KUNIT_EXPECT_EQ(test, -EIO, bind(mock, mock_dev(mock, 1), 11, 0x2000));
	EXPECT_STATE("0.a=1000");
	KUNIT_EXPECT_EQ(test, before, users(mock, 1));
	KUNIT_EXPECT_EQ(test, -EIO,
			PTR_ERR(iommu_guest_handle_faults(mock->ctx,
							  mock_dev(mock, 1),
							  &drop_ops, NULL,
							  false)));
	KUNIT_EXPECT_EQ(test, before, users(mock, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, ioasid_find_by_spid(mock->set, 11, false));
}

static void device_without_runtime_pm_is_fine(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int before;

	pm_runtime_disable(mock_dev(mock, 0));
	before = users(mock, 0);
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	unbind(mock, NULL, 10);
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));
	pm_runtime_enable(mock_dev(mock, 0));
}

static void described_device_is_awake(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_guest_device_info info = { .pasid_bits = 99 };
	struct device *dev = mock_dev(mock, 0);
	int before = users(mock, 0);

	KUNIT_ASSERT_TRUE(test, pm_runtime_suspended(dev));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_device_info(mock->ctx, dev, &info));
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));

	info.pasid_bits = 99;
	mock->devs[1].fail_resume = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, -EIO, iommu_guest_device_info(mock->ctx,
							    mock_dev(mock, 1),
							    &info));
	KUNIT_EXPECT_EQ(test, 99, info.pasid_bits);
	EXPECT_LOG("");
}

static void device_with_fault_handler_is_awake(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int before = users(mock, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test,
				     iommu_guest_handle_faults(mock->ctx,
							       mock_dev(mock, 0),
							       &drop_ops, NULL,
							       true));
	KUNIT_EXPECT_TRUE(test, pm_runtime_active(mock_dev(mock, 0)));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			PTR_ERR(iommu_guest_handle_faults(mock->ctx,
							  mock_dev(mock, 0),
							  &drop_ops, NULL,
							  false)));
	mock->fail_iopf = -EOPNOTSUPP;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR(iommu_guest_handle_faults(mock->ctx,
							  mock_dev(mock, 1),
							  &drop_ops, NULL,
							  true)));
	KUNIT_EXPECT_EQ(test, before + 1, users(mock, 0));
	KUNIT_EXPECT_EQ(test, before, users(mock, 1));
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	KUNIT_EXPECT_EQ(test, before, users(mock, 0));
}

/* --------------------------------------------------------------- refusals */

static void short_argsz(struct iommu_gpasid_bind_data *data)
{
	data->argsz = 55;
}

static void short_vtd_argsz(struct iommu_gpasid_bind_data *data)
{
	data->argsz = 71;
}

static void no_version(struct iommu_gpasid_bind_data *data)
{
	data->version = 0;
}

static void next_version(struct iommu_gpasid_bind_data *data)
{
	data->version = 2;
}

static void unknown_flag(struct iommu_gpasid_bind_data *data)
{
	data->flags = BIT_ULL(1);
}

static void unknown_high_flag(struct iommu_gpasid_bind_data *data)
{
	data->flags = BIT_ULL(63);
}

static void padding(struct iommu_gpasid_bind_data *data)
{
	data->padding[7] = 1;
}

static void no_format(struct iommu_gpasid_bind_data *data)
{
	data->format = 0;
}

static void unknown_format(struct iommu_gpasid_bind_data *data)
{
	data->format = IOMMU_PASID_FORMAT_ARM_SMMU_V3 + 1;
}

static void other_format(struct iommu_gpasid_bind_data *data)
{
	data->format = IOMMU_PASID_FORMAT_ARM_SMMU_V3;
}

static void unaligned_table(struct iommu_gpasid_bind_data *data)
{
	data->gpgd |= 1;
}

static void unaligned_table_high(struct iommu_gpasid_bind_data *data)
{
	data->gpgd |= 0x800;
}

static void table_beyond_stage2(struct iommu_gpasid_bind_data *data)
{
	data->gpgd = MOCK_APERTURE + 1;
}

static void pasid_zero(struct iommu_gpasid_bind_data *data)
{
	data->hpasid = 0;
}

static void pasid_not_owned(struct iommu_gpasid_bind_data *data)
{
	data->hpasid = MOCK_PASIDS + 10;
}

static void pasid_beyond_32_bits(struct iommu_gpasid_bind_data *data)
{
	data->hpasid += BIT_ULL(32);
}

static void guest_pasid_zero(struct iommu_gpasid_bind_data *data)
{
	data->flags = IOMMU_SVA_GPASID_VAL;
	data->gpasid = 0;
}

static void guest_pasid_zero_of_bound(struct iommu_gpasid_bind_data *data)
{
	data->hpasid = 5;
	data->flags = IOMMU_SVA_GPASID_VAL;
	data->gpasid = 0;
}

static void guest_pasid_too_high(struct iommu_gpasid_bind_data *data)
{
	data->flags = IOMMU_SVA_GPASID_VAL;
	data->gpasid = IOASID_CAPACITY_MAX;
}

static void guest_pasid_beyond_32_bits(struct iommu_gpasid_bind_data *data)
{
	data->flags = IOMMU_SVA_GPASID_VAL;
	data->gpasid = BIT_ULL(32) + 12;
}

static void guest_pasid_taken(struct iommu_gpasid_bind_data *data)
{
	data->flags = IOMMU_SVA_GPASID_VAL;
	data->gpasid = 5;
}

static void bound_with_another_number(struct iommu_gpasid_bind_data *data)
{
	data->hpasid = 5;
	data->flags = IOMMU_SVA_GPASID_VAL;
	data->gpasid = 12;
}

static const struct refusal {
	const char *name;
	void (*spoil)(struct iommu_gpasid_bind_data *data);
	int err;
} refusals[] = {
	{ "short argsz", short_argsz, -EINVAL },
	{ "short argsz for VT-d", short_vtd_argsz, -EINVAL },
	{ "no version", no_version, -EINVAL },
	{ "next version", next_version, -EINVAL },
	{ "unknown flag", unknown_flag, -EINVAL },
	{ "unknown high flag", unknown_high_flag, -EINVAL },
	{ "padding", padding, -EINVAL },
	{ "no format", no_format, -EINVAL },
	{ "unknown format", unknown_format, -EINVAL },
	{ "other format", other_format, -EOPNOTSUPP },
	{ "unaligned table", unaligned_table, -EINVAL },
	{ "unaligned table, high bit", unaligned_table_high, -EINVAL },
	{ "table beyond the second stage", table_beyond_stage2, -EINVAL },
	{ "PASID zero", pasid_zero, -EINVAL },
	{ "PASID not owned", pasid_not_owned, -ENOENT },
	{ "PASID beyond 32 bits", pasid_beyond_32_bits, -ENOENT },
	{ "guest PASID zero", guest_pasid_zero, -EINVAL },
	{ "guest PASID zero of one that is bound", guest_pasid_zero_of_bound, -EINVAL },
	{ "guest PASID too high", guest_pasid_too_high, -EINVAL },
	{ "guest PASID beyond 32 bits", guest_pasid_beyond_32_bits, -EINVAL },
	{ "guest PASID taken", guest_pasid_taken, -EEXIST },
	{ "bound with another number", bound_with_another_number, -EEXIST },
};

static void refusal_name(const struct refusal *refusal, char *name)
{
	strscpy(name, refusal->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refusals, refusals, refusal_name);

static void refused_bind_changes_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	const struct refusal *refusal = test->param_value;
	struct iommu_gpasid_bind_data data = bind_data(10, 0x2000);

	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 5, 0x1000));
	mock_clear_log(mock);
	refusal->spoil(&data);
	KUNIT_EXPECT_EQ(test, refusal->err,
			iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	KUNIT_EXPECT_NULL(test, strstr(mock->log, "set"));
	KUNIT_EXPECT_NULL(test, strstr(mock->log, "remove"));
	EXPECT_STATE("0.5=1000");

	/* PASID and guest PASID are as free as they were. */
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x2000));
	EXPECT_STATE("0.5=1000 0.a=2000 1.a=2000");
}

static void refused_by_the_driver(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_guest_ops ops;

	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock->fail_alloc = -EOPNOTSUPP;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, bind(mock, NULL, 10, 0x2000));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, bind(mock, NULL, 11, 0x2000));
	EXPECT_STATE("0.a=1000");
	/* Hardware may read whole tables and nothing else. */
	mock->fail_alloc = 0;
	mock_guest_own_ops(mock, 1, &ops);
	ops.domain_alloc_gpasid = NULL;
	ops.begin = NULL;
	ops.fault_flush = NULL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, bind(mock, NULL, 11, 0x2000));
	EXPECT_STATE("0.a=1000");
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test,
				     iommu_guest_handle_faults(mock->ctx,
							       mock_dev(mock, 1),
							       &drop_ops, NULL,
							       false));
}

static void refused_for_what_the_device_cannot_emit(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock_dev(mock, 1)->iommu->max_pasids = 16;
	KUNIT_EXPECT_EQ(test, -ERANGE, bind(mock, NULL, 16, 0x1000));
	KUNIT_EXPECT_EQ(test, -ERANGE, bind(mock, mock_dev(mock, 1), 63, 0x1000));
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 15, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 16, 0x1000));
	EXPECT_STATE("0.f=1000 0.10=1000 1.f=1000");
}

static void refused_without_device(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int i;

	KUNIT_EXPECT_EQ(test, -ENODEV, bind(mock, &mock->hw->dev, 10, 0x1000));
	for (i = 0; i < MOCK_DEVICES; i++)
		iommu_guest_remove_device(mock->ctx, mock_dev(mock, i));
	KUNIT_EXPECT_EQ(test, -ENODEV, bind(mock, NULL, 10, 0x1000));
	EXPECT_STATE("");
}

static void refused_off_the_second_stage(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	iommu_detach_device(mock->parent, mock_dev(mock, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, bind(mock, NULL, 10, 0x1000));
	EXPECT_STATE("");
	KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(mock->parent, mock_dev(mock, 1)));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
}

/* Another owner with a set of its own, which has PASID @pasid, and device 1 */
static struct iommu_guest_ctx *other_owner(struct kunit *test, ioasid_t pasid)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, 8, IOASID_SET_PRIVATE);
	struct mock_guest *mock = test->priv;
	struct iommu_guest_ctx *other;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	other = iommu_guest_ctx_alloc(set, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_ASSERT_EQ(test, pasid,
			ioasid_alloc(set, pasid, pasid, NULL, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(other, mock_dev(mock, 1),
							mock->parent));
	return other;
}

static void end_other_owner(struct mock_guest *mock, struct iommu_guest_ctx *other)
{
	struct ioasid_set *set = other->set;

	iommu_guest_remove_device(other, mock_dev(mock, 1));
	iommu_guest_free_pasids(other, 0, INVALID_IOASID);
	iommu_guest_ctx_free(other);
	ioasid_set_put(set);
}

static void refused_where_somebody_else_uses_the_pasid(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(10, 0x5000);
	struct iommu_guest_ctx *other = other_owner(test, 10);

	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(other, NULL, &data));
	/* Two owners of one device: what the second one finds taken is refused. */
	KUNIT_EXPECT_EQ(test, -EBUSY, bind(mock, NULL, 10, 0x1000));
	EXPECT_STATE("1.a=5000");
	end_other_owner(mock, other);
}

/* ------------------------------- PASIDs: numbers of the guest, owners, freeing */

static void guest_has_its_own_number(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(10, 0x1000);

	data.flags = IOMMU_SVA_GPASID_VAL;
	data.gpasid = 0x77777;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, mock_dev(mock, 0), &data));
	KUNIT_EXPECT_EQ(test, 10, ioasid_find_by_spid(mock->set, 0x77777, false));
	unbind(mock, NULL, 10);
	KUNIT_EXPECT_EQ(test, -ENOENT, ioasid_find_by_spid(mock->set, 0x77777, false));
}

static void two_owners_use_the_same_numbers(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(1, 0x5000);
	struct iommu_guest_ctx *other;

	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	other = other_owner(test, 1);
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 1, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(other, NULL, &data));
	EXPECT_STATE("0.1=1000 1.1=5000");

	/* A number of the one is nothing to the other. */
	data.hpasid = 2;
	KUNIT_EXPECT_EQ(test, -ENOENT, iommu_guest_bind_gpasid(other, NULL, &data));
	iommu_guest_unbind_gpasid(other, NULL, 1);
	EXPECT_STATE("0.1=1000");
	end_other_owner(mock, other);
}

static void free_of_a_bound_pasid_unbinds_it(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 11, 0x2000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, ioasid_free(mock->set, 10));
	ioasid_set_flush(mock->set);
	EXPECT_LOG("stop0.a+1.a remove0.a=1000 sync0 free=1000 remove1.a=1000 sync1 free=1000 FREE.a");
	EXPECT_STATE("0.b=2000");

	/* Nothing keeps the number back any more. */
	KUNIT_EXPECT_EQ(test, -ENOENT, bind(mock, NULL, 10, 0x3000));
	unbind(mock, NULL, 10);
	KUNIT_EXPECT_EQ(test, 10, ioasid_alloc(mock->set, 10, 10, NULL, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x3000));
	EXPECT_STATE("0.a=3000 0.b=2000 1.a=3000");
}

static int hook_ret;

/* Devices come before the IOMMU, so the PASID is still bound. */
static void bind_freed_pasid(struct mock_guest *mock, ioasid_t id)
{
	if (id == 10)
		hook_ret = bind(mock, NULL, id, 0x9000);
}

static void freed_pasid_takes_no_binding(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock->on_free = bind_freed_pasid;
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	hook_ret = 0;
	ioasid_free(mock->set, 10);
	ioasid_set_flush(mock->set);
	KUNIT_EXPECT_EQ(test, -ENOENT, hook_ret);
	EXPECT_STATE("");
}

static int invalidate_pasid(struct mock_guest *mock, u64 gpasid)
{
	struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_IOTLB,
		.granularity = IOMMU_INV_GRANU_PASID,
		.granu.pasid_info = {
			.flags = IOMMU_INV_PASID_FLAGS_PASID,
			.pasid = gpasid,
		},
	};

	return iommu_guest_cache_invalidate(mock->ctx, NULL, &info);
}

/* Hardware still has the table that the guest calls 20. */
static void use_guest_pasid_of_freed(struct mock_guest *mock, ioasid_t id)
{
	struct iommu_gpasid_bind_data data = bind_data(11, 0x2000);

	if (id != 10)
		return;
	mock_clear_log(mock);
	data.flags = IOMMU_SVA_GPASID_VAL;
	data.gpasid = 20;
	hook_ret = iommu_guest_bind_gpasid(mock->ctx, NULL, &data);
	invalidate_pasid(mock, 20);
}

static void freed_pasid_keeps_its_guest_pasid_while_bound(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(10, 0x1000);

	data.flags = IOMMU_SVA_GPASID_VAL;
	data.gpasid = 20;
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx,
							 mock_dev(mock, 0), &data));
	mock->on_free = use_guest_pasid_of_freed;
	hook_ret = 0;
	ioasid_free(mock->set, 10);
	ioasid_set_flush(mock->set);
	KUNIT_EXPECT_EQ(test, -EEXIST, hook_ret);
	EXPECT_LOG("iotlb0.a[0-ffffffffffffffff] remove0.a=1000 sync0 free=1000 FREE.a");

	/* It is free when the table is gone. */
	mock->on_free = NULL;
	data.hpasid = 11;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, invalidate_pasid(mock, 20));
	EXPECT_LOG("iotlb0.b[0-ffffffffffffffff] iotlb1.b[0-ffffffffffffffff]");
}

static const char unbinds[] =
	"stop0.a+1.a remove0.a=1000 sync0 free=1000 remove1.a=1000 sync1 free=1000 UNBIND.a FREE.";

static void free_pasids_unbinds_first(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct ioasid_set_info info;

	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 9, 0x3000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 12, 0x2000));
	mock_clear_log(mock);
	/* 11 is allocated and not bound. */
	iommu_guest_free_pasids(mock->ctx, 10, 11);
	KUNIT_EXPECT_TRUE(test, strstarts(mock->log, unbinds));
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, " FREE.a"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(mock->log, " FREE.b"));
	EXPECT_STATE("0.9=3000 0.c=2000 1.9=3000");

	/* The numbers can be had at once; what has none is fine. */
	iommu_guest_free_pasids(mock->ctx, 10, 11);
	KUNIT_EXPECT_EQ(test, 10, ioasid_alloc(mock->set, 10, 10, NULL, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 11, ioasid_alloc(mock->set, 11, 11, NULL, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 1), 10, 0x1000));
	EXPECT_STATE("0.9=3000 0.c=2000 1.9=3000 1.a=1000");
	iommu_guest_free_pasids(mock->ctx, 12, 10);
	iommu_guest_free_pasids(mock->ctx, MOCK_PASIDS, INVALID_IOASID);
	EXPECT_STATE("0.9=3000 0.c=2000 1.9=3000 1.a=1000");
	iommu_guest_free_pasids(mock->ctx, 0, INVALID_IOASID);
	EXPECT_STATE("");
	ioasid_set_get_info(mock->set, &info);
	KUNIT_EXPECT_EQ(test, 0, info.used);
}

/* The driver is told once, of the PASIDs of each device, before the first one goes. */
static void many_pasids_are_let_go_together(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 11, 0x2000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 12, 0x3000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 13, 0x4000));
	mock_clear_log(mock);
	iommu_guest_free_pasids(mock->ctx, 9, 12);
	KUNIT_EXPECT_TRUE(test, strstarts(mock->log, "stop0.a.b.c+1.b.c remove0.a=1000 "));
	EXPECT_STATE("0.d=4000 1.d=4000");

	/* One alone needs no such thing. */
	unbind(mock, mock_dev(mock, 1), 13);
	mock_clear_log(mock);
	iommu_guest_free_pasids(mock->ctx, 13, 20);
	KUNIT_EXPECT_TRUE(test, strstarts(mock->log, "remove0.d=4000 "));
	EXPECT_STATE("");
}

/* ------------------------------------------------ owners wait for nobody else */

/* A thread, its beginning and its end */
struct helper {
	struct task_struct *task;
	int (*fn)(void *data);
	struct completion started;
	struct completion done;
	struct mock_guest *mock;
	struct iommu_guest_ctx *ctx;
};

static int free_all_pasids(void *data)
{
	struct helper *h = data;

	iommu_guest_free_pasids(h->ctx, 0, INVALID_IOASID);
	complete_all(&h->done);
	return 0;
}

static int come_and_go(void *data)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, 8, IOASID_SET_PRIVATE);
	struct iommu_guest_ctx *ctx;
	struct helper *h = data;

	if (IS_ERR(set))
		return 0;
	ctx = iommu_guest_ctx_alloc(set, NULL);
	if (!IS_ERR(ctx)) {
		iommu_guest_free_pasids(ctx, 0, INVALID_IOASID);
		iommu_guest_ctx_free(ctx);
		complete_all(&h->done);
	}
	ioasid_set_put(set);
	return 0;
}

static int show_bindings(void *data)
{
	struct seq_file m = { .size = PAGE_SIZE };
	struct helper *h = data;

	m.buf = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (m.buf && !iommu_guest_bindings_show(&m, NULL))
		complete_all(&h->done);
	kfree(m.buf);
	return 0;
}

static int run_helper(void *data)
{
	struct helper *h = data;

	complete_all(&h->started);
	return h->fn(h);
}

/* On return, whenever it does not run it waits for something in @fn. */
static void start_helper(struct kunit *test, struct helper *h,
			 int (*fn)(void *data))
{
	init_completion(&h->started);
	init_completion(&h->done);
	h->fn = fn;
	h->task = kthread_create(run_helper, h, "guest-kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(h->task));
	get_task_struct(h->task);
	wake_up_process(h->task);
	wait_for_completion(&h->started);
}

/* Bounded for the sake of a kernel that hangs */
static bool helper_ends(struct helper *h)
{
	return wait_for_completion_timeout(&h->done, 20 * HZ);
}

static bool helper_sleeps(struct helper *h)
{
	int i;

	for (i = 0; i < 20000 && task_is_running(h->task); i++)
		usleep_range(1000, 2000);
	return !task_is_running(h->task) && !completion_done(&h->done);
}

static void join_helper(struct kunit *test, struct helper *h)
{
	KUNIT_EXPECT_TRUE(test, helper_ends(h));
	kthread_stop(h->task);
	put_task_struct(h->task);
}

static void slow_device_keeps_no_other_owner_waiting(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(1, 0x5000);
	struct helper slow = {}, mine = {}, third = {};

	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	slow.ctx = other_owner(test, 1);
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(slow.ctx, NULL, &data));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));

	mutex_lock(&mock->devs[1].slow);
	start_helper(test, &slow, free_all_pasids);
	KUNIT_EXPECT_TRUE(test, helper_sleeps(&slow));
	EXPECT_STATE("0.a=1000 1.1=5000");

	/* PASIDs bound and not, and containers that come and go */
	mine.ctx = mock->ctx;
	start_helper(test, &mine, free_all_pasids);
	start_helper(test, &third, come_and_go);
	KUNIT_EXPECT_TRUE(test, helper_ends(&mine));
	KUNIT_EXPECT_TRUE(test, helper_ends(&third));
	EXPECT_STATE("1.1=5000");
	KUNIT_EXPECT_FALSE(test, completion_done(&slow.done));

	mutex_unlock(&mock->devs[1].slow);
	join_helper(test, &slow);
	join_helper(test, &mine);
	join_helper(test, &third);
	EXPECT_STATE("");
	end_other_owner(mock, slow.ctx);
}

static void reader_of_bindings_keeps_nobody_waiting(struct kunit *test)
{
	struct helper reader = {}, third = {};
	struct mock_guest *mock = test->priv;

	mutex_lock(&mock->ctx->lock);
	start_helper(test, &reader, show_bindings);
	KUNIT_EXPECT_TRUE(test, helper_sleeps(&reader));
	start_helper(test, &third, come_and_go);
	KUNIT_EXPECT_TRUE(test, helper_ends(&third));
	mutex_unlock(&mock->ctx->lock);
	join_helper(test, &reader);
	join_helper(test, &third);
}

/* The reader stands on a context that ends meanwhile. */
static void context_ends_under_a_reader(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_guest_ctx *other = other_owner(test, 1), *ctx;
	struct helper reader = {};

	refcount_inc(&mock->ctx->refs);
	ctx = iommu_guest_next_ctx(mock->ctx);
	KUNIT_EXPECT_PTR_EQ(test, other, ctx);
	end_other_owner(mock, other);
	start_helper(test, &reader, show_bindings);
	join_helper(test, &reader);
	KUNIT_EXPECT_NULL(test, iommu_guest_next_ctx(ctx));
}

static void bound_pasid_number_is_kept_back(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct ioasid_set_info info;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, ioasid_get(mock->set, 10));
	ioasid_free(mock->set, 10);
	ioasid_set_flush(mock->set);
	EXPECT_STATE("");
	ioasid_set_get_info(mock->set, &info);
	KUNIT_EXPECT_EQ(test, info.used, MOCK_PASIDS - 1);
	/* The last reference is the test's, not the context's. */
	KUNIT_EXPECT_TRUE(test, ioasid_put(mock->set, 10));
}

/* ----------------------------------------------------------------- devices */

static void remove_device_unbinds_only_its_own(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 11, 0x2000));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 1), 12, 0x3000));
	mock_clear_log(mock);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	EXPECT_LOG("stop0.a.b remove0.a=1000 sync0 free=1000 remove0.b=2000 sync0 free=2000 UNBIND.b");
	EXPECT_STATE("1.a=1000 1.c=3000");

	/* Twice is fine, and it can come back without its bindings. */
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_add_device(mock->ctx, mock_dev(mock, 0),
							mock->parent));
	EXPECT_STATE("1.a=1000 1.c=3000");
}

static void device_is_added_once(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, -EEXIST, iommu_guest_add_device(mock->ctx,
							      mock_dev(mock, 0),
							      mock->parent));
}

static void device_must_be_on_the_second_stage(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_domain *other = iommu_guest_alloc_parent(mock_dev(mock, 0));
	struct iommu_domain *identity;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	/* Only domains of its own driver can be attached to a device. */
	KUNIT_EXPECT_PTR_EQ(test, dev_iommu_ops(mock_dev(mock, 0)), other->owner);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_add_device(mock->ctx,
							      mock_dev(mock, 0),
							      other));
	identity = iommu_get_domain_for_dev(mock_dev(mock, 1));
	iommu_detach_device(mock->parent, mock_dev(mock, 0));
	identity = iommu_get_domain_for_dev(mock_dev(mock, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_guest_add_device(mock->ctx,
								  mock_dev(mock, 0),
								  identity));
	KUNIT_EXPECT_EQ(test, 0, iommu_attach_device(mock->parent, mock_dev(mock, 0)));
	iommu_domain_free(other);
}

static void device_must_be_capable(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_nesting_info info = { .argsz = 1 };

	/* Without IOMMU */
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_guest_nesting_info(&mock->hw->dev,
								    mock->parent,
								    &info));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR(iommu_guest_alloc_parent(&mock->hw->dev)));
	/* Without PASID */
	mock_dev(mock, 0)->iommu->max_pasids = 0;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_guest_nesting_info(mock_dev(mock, 0),
								    mock->parent,
								    &info));
	KUNIT_EXPECT_EQ(test, 1, info.argsz);
}

static struct iommu_domain *no_parent(struct device *dev, u32 flags,
				      struct iommu_domain *parent,
				      const struct iommu_user_data *data)
{
	return ERR_PTR(-ENOMEM);
}

static void driver_has_no_second_stage(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_ops ops;

	mock_guest_own_iommu_ops(mock, &ops);
	ops.domain_alloc_user = NULL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR(iommu_guest_alloc_parent(mock_dev(mock, 0))));
	ops.domain_alloc_user = no_parent;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			PTR_ERR(iommu_guest_alloc_parent(mock_dev(mock, 0))));
}

static void device_must_be_alone_in_its_group(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_nesting_info info;
	struct platform_device *alone, *other;
	struct iommu_group *group;

	alone = mock_add_device(mock, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, alone);
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_nesting_info(&alone->dev,
							  mock->parent, &info));
	group = iommu_group_get(&alone->dev);
	/* The whole group can have the second stage all the same. */
	other = mock_add_device(mock, group);
	iommu_group_put(group);
	KUNIT_EXPECT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_guest_nesting_info(&alone->dev,
								    mock->parent,
								    &info));
	if (!IS_ERR(other)) {
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
				iommu_guest_nesting_info(&other->dev,
							 mock->parent, &info));
		platform_device_unregister(other);
	}
	platform_device_unregister(alone);
}

static void device_info_is_of_one_device(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_guest_device_info info = { .pasid_bits = 99 };

	KUNIT_EXPECT_EQ(test, -ENODEV, iommu_guest_device_info(mock->ctx,
							       &mock->hw->dev,
							       &info));
	KUNIT_EXPECT_EQ(test, 99, info.pasid_bits);
	/* Another device that can do less changes nothing. */
	mock_dev(mock, 1)->iommu->max_pasids = 16;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_device_info(mock->ctx,
							 mock_dev(mock, 0),
							 &info));
	KUNIT_EXPECT_EQ(test, ilog2(MOCK_PASIDS), info.pasid_bits);
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_device_info(mock->ctx,
							 mock_dev(mock, 1),
							 &info));
	KUNIT_EXPECT_EQ(test, 4, info.pasid_bits);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	KUNIT_EXPECT_EQ(test, -ENODEV, iommu_guest_device_info(mock->ctx,
							       mock_dev(mock, 1),
							       &info));
}

static void debugfs_shows_every_binding(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct seq_file m = { .size = PAGE_SIZE };
	char want[80];

	m.buf = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 1), 11, 0x2000));
	KUNIT_ASSERT_EQ(test, 0, invalidate_pasid(mock, 10));
	KUNIT_ASSERT_EQ(test, 0, invalidate_pasid(mock, 10));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bindings_show(&m, NULL));
	snprintf(want, sizeof(want), "\n%d %s 10 10 0x1000 48 0 2 0 %s\n",
		 task_tgid_nr(current), dev_name(mock_dev(mock, 0)), current->comm);
	KUNIT_EXPECT_NOT_NULL(test, strstr(m.buf, want));
	KUNIT_EXPECT_TRUE(test, mock_shows(test, 1, "10 10 0x1000 48 0 2 0"));
	KUNIT_EXPECT_TRUE(test, mock_shows(test, 1, "11 11 0x2000 48 0 0 0"));
}

/* A driver is told of its own devices, and of no PASID that goes alone. */
static void drivers_are_told_apart(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_guest_ops ops;

	mock_guest_own_ops(mock, 1, &ops);
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 11, 0x2000));
	mock_clear_log(mock);
	iommu_guest_free_pasids(mock->ctx, 10, 11);
	KUNIT_EXPECT_TRUE(test, strstarts(mock->log, "stop0.a.b stop1.a.b remove0.a=1000 "));

	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 12, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, NULL, 13, 0x2000));
	mock_clear_log(mock);
	iommu_guest_free_pasids(mock->ctx, 12, 13);
	KUNIT_EXPECT_TRUE(test, strstarts(mock->log, "stop0.c.d remove0.c=1000 "));
	EXPECT_STATE("");
}

static void each_call_is_announced(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct device *dev = mock_dev(mock, 0);

	EXPECT_CALLS(0, 0);
	KUNIT_EXPECT_EQ(test, 0, bind(mock, dev, 10, 0x1000));
	EXPECT_CALLS(1, 0);
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 11, 0x1000));
	EXPECT_CALLS(1, 1);
	unbind(mock, mock_dev(mock, 1), 11);
	EXPECT_CALLS(0, 1);
	unbind(mock, NULL, 11);
	EXPECT_CALLS(1, 1);
	/* The notifier hears of it as well. */
	iommu_guest_free_pasids(mock->ctx, 11, 11);
	EXPECT_CALLS(2, 2);
	ioasid_free(mock->set, 10);
	ioasid_set_flush(mock->set);
	EXPECT_CALLS(1, 1);
	EXPECT_STATE("");
	iommu_guest_remove_device(mock->ctx, dev);
	EXPECT_CALLS(1, 0);
}

/* A set with ids is too late for an owner; mock_guest_exit() counts references. */
static void owner_comes_before_its_pasids(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, -EBUSY, PTR_ERR(iommu_guest_ctx_alloc(mock->set, NULL)));
}

static void debugfs_has_its_files(struct kunit *test)
{
	static const char * const files[][2] = {
		{ "iommu-guest", "bindings" },
		{ "iommu-fault", "handlers" },
		{ "iommu-fault", "latency" },
	};
	struct dentry *dir, *file;
	int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		dir = debugfs_lookup(files[i][0], NULL);
		KUNIT_ASSERT_NOT_NULL(test, dir);
		file = debugfs_lookup(files[i][1], dir);
		KUNIT_EXPECT_NOT_NULL_MSG(test, file, "no %s", files[i][1]);
		dput(file);
		dput(dir);
	}
}

static void nesting_info_says_what_there_is(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_nesting_info info;

	KUNIT_EXPECT_EQ(test, 0, iommu_guest_nesting_info(mock_dev(mock, 0),
							  mock->parent, &info));
	KUNIT_EXPECT_EQ(test, sizeof(info), info.argsz);
	KUNIT_EXPECT_EQ(test, 39, info.addr_width);
	KUNIT_EXPECT_EQ(test, ilog2(MOCK_PASIDS), info.pasid_bits);
	KUNIT_EXPECT_EQ(test, IOMMU_PASID_FORMAT_INTEL_VTD, info.format);
}

static void nesting_info_merges(struct kunit *test)
{
	struct iommu_nesting_info a = {
		.format = 1, .addr_width = 48, .pasid_bits = 8,
		.features = IOMMU_NESTING_FEAT_BIND_PGTBL |
			    IOMMU_NESTING_FEAT_PAGE_RESP |
			    IOMMU_NESTING_FEAT_SYSWIDE_PASID,
		.vendor.vtd.cap_reg = 5,
	};
	struct iommu_nesting_info b = {
		.format = 1, .addr_width = 39, .pasid_bits = 20,
		.features = IOMMU_NESTING_FEAT_BIND_PGTBL |
			    IOMMU_NESTING_FEAT_CACHE_INVLD |
			    IOMMU_NESTING_FEAT_NO_RO_MAP,
		.vendor.vtd.cap_reg = 5,
	};

	/* What both offer, and what either demands */
	const u32 both = IOMMU_NESTING_FEAT_BIND_PGTBL |
			 IOMMU_NESTING_FEAT_SYSWIDE_PASID |
			 IOMMU_NESTING_FEAT_NO_RO_MAP;

	KUNIT_EXPECT_EQ(test, 0, iommu_guest_merge_nesting_info(&a, &b));
	KUNIT_EXPECT_EQ(test, both, a.features);
	KUNIT_EXPECT_EQ(test, 39, a.addr_width);
	KUNIT_EXPECT_EQ(test, 8, a.pasid_bits);

	b.pasid_bits = 5;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_merge_nesting_info(&a, &b));
	KUNIT_EXPECT_EQ(test, 5, a.pasid_bits);

	b.features = 0;
	b.vendor.vtd.cap_reg = 4;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_merge_nesting_info(&a, &b));
	b.vendor.vtd.cap_reg = 5;
	b.format = 2;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_merge_nesting_info(&a, &b));
	KUNIT_EXPECT_EQ(test, both, a.features);
}

static void numbers_and_sizes_at_their_bounds(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(10, 0x1000);

	data.flags = IOMMU_SVA_GPASID_VAL;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	data.gpasid = IOMMU_GUEST_PASID_LAST + 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	data.gpasid = IOMMU_GUEST_PASID_LAST;
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));

	data = bind_data(11, 0x1000);
	data.format = IOMMU_PASID_FORMAT_ARM_SMMU_V3;
	data.argsz = offsetof(struct iommu_gpasid_bind_data, vendor);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	data.argsz--;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_bind_gpasid(mock->ctx, NULL, &data));
	EXPECT_STATE("0.a=1000 1.a=1000");
}

/* One after the other is all that the driver can do. */
static void driver_detaches_one_at_a_time(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	static struct iommu_guest_ops ops;

	mock_guest_own_ops(mock, 0, &ops);
	ops.detach_gpasids = NULL;
	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 11, 0x2000));
	mock_clear_log(mock);
	iommu_guest_free_pasids(mock->ctx, 10, 11);
	EXPECT_STATE("");
	KUNIT_EXPECT_NULL(test, strstr(mock->log, "stop0"));
}

static struct kunit_case bind_cases[] = {
	KUNIT_CASE(numbers_and_sizes_at_their_bounds),
	KUNIT_CASE(driver_detaches_one_at_a_time),
	KUNIT_CASE(bind_attaches_and_unbind_keeps_its_order),
	KUNIT_CASE(bind_without_device_means_all_of_them),
	KUNIT_CASE(unbind_of_what_is_not_bound_does_nothing),
	KUNIT_CASE(bind_of_the_same_does_nothing),
	KUNIT_CASE(bind_replaces),
	KUNIT_CASE(bind_replaces_by_any_attribute),
	KUNIT_CASE(bind_replaces_on_all_devices_together),
	KUNIT_CASE(failing_attach_leaves_nothing),
	KUNIT_CASE(failing_attach_on_second_device_undoes_the_first),
	KUNIT_CASE(failing_attach_keeps_what_was_there),
	KUNIT_CASE(failing_replacement_puts_the_old_table_back),
	KUNIT_CASE(failing_replacement_puts_back_on_all_devices),
	KUNIT_CASE(old_table_that_cannot_come_back_is_unbound),
	KUNIT_CASE(repeated_bind_catches_up),
	KUNIT_CASE(driver_without_page_requests_has_no_sync),
	KUNIT_CASE(bound_device_is_awake),
	KUNIT_CASE(device_that_does_not_wake_up_is_not_bound),
	KUNIT_CASE(device_without_runtime_pm_is_fine),
	KUNIT_CASE(described_device_is_awake),
	KUNIT_CASE(device_with_fault_handler_is_awake),
	KUNIT_CASE_PARAM(refused_bind_changes_nothing, refusals_gen_params),
	KUNIT_CASE(refused_by_the_driver),
	KUNIT_CASE(refused_for_what_the_device_cannot_emit),
	KUNIT_CASE(refused_without_device),
	KUNIT_CASE(refused_off_the_second_stage),
	KUNIT_CASE(refused_where_somebody_else_uses_the_pasid),
	KUNIT_CASE(guest_has_its_own_number),
	KUNIT_CASE(two_owners_use_the_same_numbers),
	KUNIT_CASE(free_of_a_bound_pasid_unbinds_it),
	KUNIT_CASE(freed_pasid_takes_no_binding),
	KUNIT_CASE(freed_pasid_keeps_its_guest_pasid_while_bound),
	KUNIT_CASE(free_pasids_unbinds_first),
	KUNIT_CASE(many_pasids_are_let_go_together),
	KUNIT_CASE(slow_device_keeps_no_other_owner_waiting),
	KUNIT_CASE(reader_of_bindings_keeps_nobody_waiting),
	KUNIT_CASE(context_ends_under_a_reader),
	KUNIT_CASE(bound_pasid_number_is_kept_back),
	KUNIT_CASE(remove_device_unbinds_only_its_own),
	KUNIT_CASE(device_is_added_once),
	KUNIT_CASE(device_must_be_on_the_second_stage),
	KUNIT_CASE(device_must_be_capable),
	KUNIT_CASE(driver_has_no_second_stage),
	KUNIT_CASE(device_must_be_alone_in_its_group),
	KUNIT_CASE(device_info_is_of_one_device),
	KUNIT_CASE(debugfs_shows_every_binding),
	KUNIT_CASE(drivers_are_told_apart),
	KUNIT_CASE(each_call_is_announced),
	KUNIT_CASE(owner_comes_before_its_pasids),
	KUNIT_CASE(debugfs_has_its_files),
	KUNIT_CASE(nesting_info_says_what_there_is),
	KUNIT_CASE(nesting_info_merges),
	{}
};

static struct kunit_suite bind_suite = {
	.name = "iommu-guest-bind",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = bind_cases,
};

kunit_test_suite(bind_suite);

MODULE_DESCRIPTION("KUnit tests of guest owned page tables");
MODULE_LICENSE("GPL");
