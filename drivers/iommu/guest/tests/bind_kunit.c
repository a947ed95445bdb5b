// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of bindings
 *
 * Each test says what hardware translates by, and what the IOMMU driver was
 * asked for, in the words that iommu-guest-mock.h explains.
 */
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "guest_kunit.h"

#define EXPECT_LOG(words) KUNIT_EXPECT_STREQ(test, mock->log, words)
#define EXPECT_STATE(words) KUNIT_EXPECT_STREQ(test, mock_state(mock), words)

int mock_guest_init(struct kunit *test)
{
	struct mock_guest *mock = mock_guest_create();

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock);
	test->priv = mock;
	return 0;
}

/* Whatever a test did, closing both devices must leave nothing behind */
void mock_guest_exit(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int i;

	if (!mock)
		return;
	mock_guest_close(mock);
	KUNIT_EXPECT_STREQ(test, mock_state(mock), "");
	for (i = 0; i < MOCK_DEVICES; i++)
		KUNIT_EXPECT_EQ_MSG(test, atomic_read(&mock->devs[i].groups),
				    atomic_read(&mock->devs[i].answers),
				    "groups in are not answers out");
	KUNIT_EXPECT_EQ_MSG(test, 0, mock_guest_destroy(mock),
			    "a reference to an id leaks");
	test->priv = NULL;
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
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x2000));
	EXPECT_STATE("0.a=2000 1.a=2000");
}

static void old_table_that_can_not_come_back_is_unbound(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock_clear_log(mock);
	mock->devs[0].fail_sets = 2;
	KUNIT_EXPECT_EQ(test, -ENOMEM, bind(mock, mock_dev(mock, 0), 10, 0x2000));
	EXPECT_LOG("alloc0=2000 remove0.a=1000 sync0 set0.a! sync0 set0.a! sync0 free=1000 free=2000 UNBIND.a");
	EXPECT_STATE("");
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x2000));
	EXPECT_STATE("0.a=2000");
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

static void bound_under_another_name(struct iommu_gpasid_bind_data *data)
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
	{ "guest PASID too high", guest_pasid_too_high, -EINVAL },
	{ "guest PASID beyond 32 bits", guest_pasid_beyond_32_bits, -EINVAL },
	{ "guest PASID taken", guest_pasid_taken, -EEXIST },
	{ "bound under another name", bound_under_another_name, -EEXIST },
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

	/* PASID and name are as free as they were. */
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x2000));
	EXPECT_STATE("0.5=1000 0.a=2000 1.a=2000");
}

static void refused_by_the_driver(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_ASSERT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 10, 0x1000));
	mock->fail_alloc = -EOPNOTSUPP;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, bind(mock, NULL, 10, 0x2000));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, bind(mock, NULL, 11, 0x2000));
	EXPECT_STATE("0.a=1000");
}

static void refused_for_what_the_device_can_not_emit(struct kunit *test)
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

static void refused_where_somebody_else_uses_the_pasid(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = bind_data(10, 0x5000);
	struct iommu_guest_ctx *other = iommu_guest_ctx_alloc(mock->set);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(other, mock_dev(mock, 1),
							mock->parent));
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(other, NULL, &data));
	/* Two contexts on one set: what the second one finds taken is refused. */
	KUNIT_EXPECT_NE(test, 0, bind(mock, NULL, 10, 0x1000));
	EXPECT_STATE("1.a=5000");
	iommu_guest_remove_device(other, mock_dev(mock, 1));
	iommu_guest_ctx_free(other);
}

/* ----------------------------------------- PASIDs: names, owners, freeing */

static void guest_names_the_pasid(struct kunit *test)
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
	struct ioasid_set *set = ioasid_set_alloc(NULL, 8, IOASID_SET_PRIVATE);
	struct iommu_gpasid_bind_data data = bind_data(1, 0x5000);
	struct iommu_guest_ctx *other;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	KUNIT_ASSERT_EQ(test, 1, ioasid_alloc(set, 1, 1, NULL, GFP_KERNEL));
	other = iommu_guest_ctx_alloc(set);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 1));
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(other, mock_dev(mock, 1),
							mock->parent));

	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 1, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, iommu_guest_bind_gpasid(other, NULL, &data));
	EXPECT_STATE("0.1=1000 1.1=5000");

	/* A number of the one is nothing to the other. */
	data.hpasid = 2;
	KUNIT_EXPECT_EQ(test, -ENOENT, iommu_guest_bind_gpasid(other, NULL, &data));
	iommu_guest_unbind_gpasid(other, NULL, 1);
	EXPECT_STATE("0.1=1000");

	iommu_guest_remove_device(other, mock_dev(mock, 1));
	iommu_guest_ctx_free(other);
	ioasid_free_all_in_set(set);
	ioasid_set_put(set);
}

static void free_of_a_bound_pasid_unbinds_it(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, mock_dev(mock, 0), 11, 0x2000));
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, 0, ioasid_free(mock->set, 10));
	ioasid_set_flush(mock->set);
	EXPECT_LOG("remove0.a=1000 sync0 free=1000 remove1.a=1000 sync1 free=1000 FREE.a");
	EXPECT_STATE("0.b=2000");

	/* Nothing keeps the number back any more. */
	KUNIT_EXPECT_EQ(test, -ENOENT, bind(mock, NULL, 10, 0x3000));
	unbind(mock, NULL, 10);
	KUNIT_EXPECT_EQ(test, 10, ioasid_alloc(mock->set, 10, 10, NULL, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x3000));
	EXPECT_STATE("0.a=3000 0.b=2000 1.a=3000");
}

static int free_at_device_priority(struct notifier_block *nb,
				   unsigned long event, void *data)
{
	struct mock_guest *mock = container_of(nb, struct mock_guest, nb);
	struct ioasid_nb_args *args = data;
	int *ret = (int *)mock->state;

	/* The other PASIDs are freed when the context is gone. */
	if (event != IOASID_NOTIFY_FREE || args->id != 10)
		return NOTIFY_DONE;
	/* Devices come before the IOMMU, so the PASID is still bound. */
	*ret = bind(mock, NULL, args->id, 0x9000);
	return NOTIFY_OK;
}

static void freed_pasid_takes_no_binding(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int *ret = (int *)mock->state;

	ioasid_unregister_notifier(mock->set, &mock->nb);
	mock->nb.notifier_call = free_at_device_priority;
	mock->nb.priority = IOASID_PRIO_DEVICE;
	KUNIT_ASSERT_EQ(test, 0, ioasid_register_notifier(mock->set, &mock->nb));

	KUNIT_EXPECT_EQ(test, 0, bind(mock, NULL, 10, 0x1000));
	*ret = 0;
	ioasid_free(mock->set, 10);
	ioasid_set_flush(mock->set);
	KUNIT_EXPECT_EQ(test, -ENOENT, *ret);
	EXPECT_STATE("");
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
	EXPECT_LOG("remove0.a=1000 sync0 free=1000 remove0.b=2000 sync0 free=2000 UNBIND.b");
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
	other = mock_add_device(mock, group);
	iommu_group_put(group);
	KUNIT_EXPECT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_guest_nesting_info(&alone->dev,
								    mock->parent,
								    &info));
	if (!IS_ERR(other))
		platform_device_unregister(other);
	platform_device_unregister(alone);
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
		.format = 1, .features = 3, .addr_width = 48, .pasid_bits = 8,
		.vendor.vtd.cap_reg = 5,
	};
	struct iommu_nesting_info b = {
		.format = 1, .features = 6, .addr_width = 39, .pasid_bits = 20,
		.vendor.vtd.cap_reg = 5,
	};

	KUNIT_EXPECT_EQ(test, 0, iommu_guest_merge_nesting_info(&a, &b));
	KUNIT_EXPECT_EQ(test, 2, a.features);
	KUNIT_EXPECT_EQ(test, 39, a.addr_width);
	KUNIT_EXPECT_EQ(test, 8, a.pasid_bits);

	b.features = 0;
	b.vendor.vtd.cap_reg = 4;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_merge_nesting_info(&a, &b));
	b.vendor.vtd.cap_reg = 5;
	b.format = 2;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_guest_merge_nesting_info(&a, &b));
	KUNIT_EXPECT_EQ(test, 2, a.features);
}

static struct kunit_case bind_cases[] = {
	KUNIT_CASE(bind_attaches_and_unbind_keeps_its_order),
	KUNIT_CASE(bind_without_device_means_all_of_them),
	KUNIT_CASE(unbind_of_what_is_not_bound_does_nothing),
	KUNIT_CASE(bind_of_the_same_does_nothing),
	KUNIT_CASE(bind_replaces),
	KUNIT_CASE(bind_replaces_by_any_attribute),
	KUNIT_CASE(failing_attach_leaves_nothing),
	KUNIT_CASE(failing_attach_on_second_device_undoes_the_first),
	KUNIT_CASE(failing_attach_keeps_what_was_there),
	KUNIT_CASE(failing_replacement_puts_the_old_table_back),
	KUNIT_CASE(failing_replacement_puts_back_on_all_devices),
	KUNIT_CASE(old_table_that_can_not_come_back_is_unbound),
	KUNIT_CASE_PARAM(refused_bind_changes_nothing, refusals_gen_params),
	KUNIT_CASE(refused_by_the_driver),
	KUNIT_CASE(refused_for_what_the_device_can_not_emit),
	KUNIT_CASE(refused_without_device),
	KUNIT_CASE(refused_off_the_second_stage),
	KUNIT_CASE(refused_where_somebody_else_uses_the_pasid),
	KUNIT_CASE(guest_names_the_pasid),
	KUNIT_CASE(two_owners_use_the_same_numbers),
	KUNIT_CASE(free_of_a_bound_pasid_unbinds_it),
	KUNIT_CASE(freed_pasid_takes_no_binding),
	KUNIT_CASE(bound_pasid_number_is_kept_back),
	KUNIT_CASE(remove_device_unbinds_only_its_own),
	KUNIT_CASE(device_is_added_once),
	KUNIT_CASE(device_must_be_on_the_second_stage),
	KUNIT_CASE(device_must_be_capable),
	KUNIT_CASE(device_must_be_alone_in_its_group),
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
