// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: KUnit tests of the general format of <uapi/linux/iommu.h>
 *
 * One table of the structures that user space hands in, each with a call that
 * takes it from user memory to the end of its checks. The cases go through what
 * the header promises of every one of them, byte by byte and bit by bit: argsz,
 * flags, version, padding, bytes behind what the kernel knows, and fields that the
 * call does not use. A refusal has changed nothing.
 */
#include <linux/sizes.h>
#include <linux/stddef.h>
#include <linux/uaccess.h>

#include <linux/iommu-fault.h>

#include "guest_kunit.h"

/* Bytes of a structure */
struct span {
	size_t offset;
	size_t size;
};

#define SPAN(type, member) \
	{ offsetof(struct type, member), sizeof_field(struct type, member) }
#define SPAN_FROM(type, member) \
	{ offsetof(struct type, member), \
	  sizeof(struct type) - offsetof(struct type, member) }

/**
 * struct uapi_struct - a structure in one of its uses
 * @name: of the use
 * @size: what the kernel knows
 * @min: least argsz
 * @stride: argsz is a multiple of it
 * @version: offset of the version, 0 if there is none
 * @fill: a valid one, without argsz
 * @call: the call
 * @valid: what a valid one returns
 * @flags: field with flags or with a number, and the bits that are known, each of
 *	which alone is good; not used if size is 0
 * @padding: must be 0
 * @ignored: fields that this use does not look at
 */
struct uapi_struct {
	const char *name;
	size_t size;
	size_t min;
	size_t stride;
	size_t version;
	void (*fill)(void *buf);
	int (*call)(struct kunit *test, const void __user *uptr, size_t usize);
	int valid;
	struct {
		struct span span;
		u64 known;
	} flags[5];
	struct span padding;
	struct span ignored[5];
};

/**
 * struct uapi_priv - what a case works with
 * @mock: owner and devices
 * @handler: of device 0
 * @uptr: two pages of user memory
 * @buf: the structure, before it is copied there
 */
struct uapi_priv {
	struct mock_guest *mock;
	struct iommu_fault_handler *handler;
	u8 __user *uptr;
	u8 buf[2 * SZ_4K] __aligned(8);
};

static struct uapi_priv *priv;

/* Of device 1, whose hardware reads tables of the other format */
static struct iommu_guest_ops smmuv3_ops;

static void fill_bind(void *buf)
{
	*(struct iommu_gpasid_bind_data *)buf = (struct iommu_gpasid_bind_data) {
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = 48,
		.gpgd = 0x2000,
		.hpasid = 11,
	};
}

static void fill_unbind(void *buf)
{
	*(struct iommu_gpasid_bind_data *)buf = (struct iommu_gpasid_bind_data) {
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.hpasid = 11,
	};
}

static void fill_rid_table(void *buf)
{
	struct iommu_rid_config *config = buf;

	config->mode = IOMMU_RID_FIRST_STAGE;
	fill_bind(&config->bind);
	config->bind.argsz = sizeof(config->bind);
	config->bind.hpasid = 0;
}

static void fill_rid_block(void *buf)
{
	struct iommu_rid_config *config = buf;

	config->mode = IOMMU_RID_BLOCK;
}

static void fill_table(void *buf)
{
	*(struct iommu_pasid_table_config *)buf = (struct iommu_pasid_table_config) {
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = MOCK_TABLE(0),
		.format = IOMMU_PASID_FORMAT_VTD_TABLE,
		.pasid_bits = 13,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
	};
}

static void fill_bypass(void *buf)
{
	*(struct iommu_pasid_table_config *)buf = (struct iommu_pasid_table_config) {
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.config = IOMMU_PASID_CONFIG_BYPASS,
	};
}

static void fill_smmuv3(void *buf)
{
	*(struct iommu_pasid_table_config *)buf = (struct iommu_pasid_table_config) {
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = MOCK_TABLE(0),
		.format = IOMMU_PASID_FORMAT_SMMUV3,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
		.vendor_data.smmuv3.version = IOMMU_PASID_TABLE_SMMUV3_CFG_VERSION_1,
	};
}

static void fill_inv(void *buf, u8 cache, u8 granularity)
{
	*(struct iommu_cache_invalidate_info *)buf =
		(struct iommu_cache_invalidate_info) {
			.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
			.cache = cache,
			.granularity = granularity,
		};
}

static void fill_inv_domain(void *buf)
{
	fill_inv(buf, IOMMU_CACHE_INV_TYPE_IOTLB, IOMMU_INV_GRANU_DOMAIN);
}

static void fill_inv_pasid(void *buf)
{
	struct iommu_cache_invalidate_info *info = buf;

	fill_inv(buf, IOMMU_CACHE_INV_TYPE_DEV_IOTLB, IOMMU_INV_GRANU_PASID);
	info->granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_PASID;
	info->granu.pasid_info.pasid = 10;
}

static void fill_inv_archid(void *buf)
{
	struct iommu_cache_invalidate_info *info = buf;

	fill_inv(buf, IOMMU_CACHE_INV_TYPE_DEV_IOTLB, IOMMU_INV_GRANU_PASID);
	info->granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_ARCHID;
}

static void fill_inv_addr(void *buf)
{
	struct iommu_cache_invalidate_info *info = buf;

	fill_inv(buf, IOMMU_CACHE_INV_TYPE_IOTLB, IOMMU_INV_GRANU_ADDR);
	info->granu.addr_info.granule_size = SZ_4K;
	info->granu.addr_info.nb_granules = 1;
}

static void fill_resp(void *buf)
{
	*(struct iommu_page_response *)buf = (struct iommu_page_response) {
		.version = IOMMU_PAGE_RESP_VERSION_1,
		.grpid = 5,
	};
}

static void fill_resp_cookie(void *buf)
{
	struct iommu_page_response *resp = buf;

	fill_resp(buf);
	resp->flags = IOMMU_PAGE_RESP_PASID_VALID | IOMMU_PAGE_RESP_COOKIE_VALID;
	resp->pasid = 10;
}

static int call_bind(struct kunit *test, const void __user *uptr, size_t usize)
{
	struct iommu_gpasid_bind_data data;
	int ret;

	ret = iommu_guest_copy_bind_data(&data, uptr, usize);
	if (!ret)
		ret = iommu_guest_bind_gpasid(priv->mock->ctx, NULL, &data);
	if (!ret)
		iommu_guest_unbind_gpasid(priv->mock->ctx, NULL, data.hpasid);
	return ret;
}

static int call_unbind(struct kunit *test, const void __user *uptr, size_t usize)
{
	struct iommu_gpasid_bind_data data;
	int ret;

	ret = iommu_guest_copy_bind_data(&data, uptr, usize);
	if (!ret)
		iommu_guest_unbind_gpasid(priv->mock->ctx, NULL, data.hpasid);
	return ret;
}

static int call_rid(struct kunit *test, const void __user *uptr, size_t usize)
{
	struct device *dev = mock_dev(priv->mock, 0);
	struct iommu_rid_config config;
	int ret;

	ret = iommu_guest_copy_rid_config(&config, uptr, usize);
	if (!ret)
		ret = iommu_guest_set_rid(priv->mock->ctx, dev, &config);
	if (ret)
		return ret;
	config.mode = IOMMU_RID_PASS;
	return iommu_guest_set_rid(priv->mock->ctx, dev, &config);
}

static int call_table(struct kunit *test, const void __user *uptr, size_t usize)
{
	struct iommu_pasid_table_config config;
	unsigned int index;
	int ret;

	ret = iommu_guest_copy_table_config(&config, uptr, usize);
	if (ret)
		return ret;
	index = config.format == IOMMU_PASID_FORMAT_SMMUV3;
	return iommu_guest_set_table(priv->mock->ctx, mock_dev(priv->mock, index),
				     &config);
}

static int call_inv(struct kunit *test, const void __user *uptr, size_t usize)
{
	struct iommu_cache_invalidate_info info;
	int ret;

	ret = iommu_guest_copy_invalidate_info(&info, uptr, usize);
	return ret ?: iommu_guest_cache_invalidate(priv->mock->ctx, NULL, &info);
}

static int call_resp(struct kunit *test, const void __user *uptr, size_t usize)
{
	struct iommu_page_response resp;
	int ret;

	ret = iommu_guest_copy_page_response(&resp, uptr, usize);
	return ret ?: iommu_page_response(priv->handler, &resp, 1);
}

static const struct uapi_struct uapi_structs[] = {
	{
		.name = "bind",
		.size = sizeof(struct iommu_gpasid_bind_data),
		.min = 72,
		.stride = 1,
		.version = 4,
		.fill = fill_bind,
		.call = call_bind,
		.flags = {
			{ SPAN(iommu_gpasid_bind_data, flags), 0x1 },
		},
		.padding = SPAN(iommu_gpasid_bind_data, padding),
		.ignored = { SPAN(iommu_gpasid_bind_data, gpasid) },
	}, {
		.name = "unbind",
		.size = sizeof(struct iommu_gpasid_bind_data),
		.min = 56,
		.stride = 1,
		.version = 4,
		.fill = fill_unbind,
		.call = call_unbind,
		.flags = {
			{ SPAN(iommu_gpasid_bind_data, flags), 0x1 },
		},
		.padding = SPAN(iommu_gpasid_bind_data, padding),
		.ignored = {
			SPAN(iommu_gpasid_bind_data, format),
			SPAN(iommu_gpasid_bind_data, addr_width),
			SPAN(iommu_gpasid_bind_data, gpgd),
			SPAN(iommu_gpasid_bind_data, gpasid),
			SPAN(iommu_gpasid_bind_data, vendor),
		},
	}, {
		.name = "requests without PASID: table",
		.size = sizeof(struct iommu_rid_config),
		.min = 80,
		.stride = 1,
		.version = offsetof(struct iommu_rid_config, bind.version),
		.fill = fill_rid_table,
		.call = call_rid,
		.flags = {
			{ SPAN(iommu_rid_config, bind.flags), 0 },
			{ SPAN(iommu_rid_config, bind.hpasid), 0 },
		},
		.padding = SPAN(iommu_rid_config, bind.padding),
		.ignored = { SPAN(iommu_rid_config, bind.gpasid) },
	}, {
		.name = "requests without PASID: block",
		.size = sizeof(struct iommu_rid_config),
		.min = 8,
		.stride = 1,
		.fill = fill_rid_block,
		.call = call_rid,
		.flags = {
			{ SPAN(iommu_rid_config, mode), 0x3 },
		},
		.ignored = { SPAN(iommu_rid_config, bind) },
	}, {
		.name = "PASID table",
		.size = sizeof(struct iommu_pasid_table_config),
		.min = 32,
		.stride = 1,
		.version = 4,
		.fill = fill_table,
		.call = call_table,
		/* There is a single bind, by which a correct one is refused. */
		.valid = -EBUSY,
		.flags = {
			{ SPAN(iommu_pasid_table_config, config), 0x3 },
			{ SPAN(iommu_pasid_table_config, vendor_data.vtd.flags), 0 },
			{ SPAN(iommu_pasid_table_config, vendor_data.vtd.padding), 0 },
		},
		.padding = SPAN(iommu_pasid_table_config, padding),
	}, {
		.name = "PASID table: SMMUv3",
		.size = sizeof(struct iommu_pasid_table_config),
		.min = 32,
		.stride = 1,
		.version = 4,
		.fill = fill_smmuv3,
		.call = call_table,
		/* There is a single bind, by which a correct one is refused. */
		.valid = -EBUSY,
		.flags = {
			{ SPAN(iommu_pasid_table_config, config), 0x3 },
			{ SPAN(iommu_pasid_table_config, vendor_data.smmuv3.version), 0 },
			{ SPAN(iommu_pasid_table_config, vendor_data.smmuv3.s1fmt), 0x3 },
			{ SPAN(iommu_pasid_table_config, vendor_data.smmuv3.s1dss), 0x3 },
			{ SPAN(iommu_pasid_table_config, vendor_data.smmuv3.padding), 0 },
		},
		.padding = SPAN(iommu_pasid_table_config, padding),
	}, {
		.name = "PASID table: bypass",
		.size = sizeof(struct iommu_pasid_table_config),
		.min = 24,
		.stride = 1,
		.version = 4,
		.fill = fill_bypass,
		.call = call_table,
		/* There is a single bind, by which a correct one is refused. */
		.valid = -EBUSY,
		.flags = {
			{ SPAN(iommu_pasid_table_config, config), 0x3 },
		},
		.padding = SPAN(iommu_pasid_table_config, padding),
		.ignored = {
			SPAN(iommu_pasid_table_config, base_ptr),
			SPAN(iommu_pasid_table_config, format),
			SPAN(iommu_pasid_table_config, pasid_bits),
			SPAN(iommu_pasid_table_config, vendor_data),
		},
	}, {
		.name = "invalidate all",
		.size = sizeof(struct iommu_cache_invalidate_info),
		.min = 16,
		.stride = 1,
		.version = 4,
		.fill = fill_inv_domain,
		.call = call_inv,
		.flags = {
			{ SPAN(iommu_cache_invalidate_info, cache), 0x7 },
		},
		.padding = SPAN(iommu_cache_invalidate_info, padding),
		.ignored = { SPAN(iommu_cache_invalidate_info, granu) },
	}, {
		.name = "invalidate by PASID",
		.size = sizeof(struct iommu_cache_invalidate_info),
		.min = 32,
		.stride = 1,
		.version = 4,
		.fill = fill_inv_pasid,
		.call = call_inv,
		.flags = {
			{ SPAN(iommu_cache_invalidate_info, cache), 0x7 },
			{ SPAN(iommu_cache_invalidate_info, granu.pasid_info.flags), 0x3 },
		},
		.padding = SPAN(iommu_cache_invalidate_info, padding),
		.ignored = {
			SPAN(iommu_cache_invalidate_info, granu.pasid_info.archid),
			SPAN_FROM(iommu_cache_invalidate_info, granu.addr_info.addr),
		},
	}, {
		.name = "invalidate by tag",
		.size = sizeof(struct iommu_cache_invalidate_info),
		.min = 32,
		.stride = 1,
		.version = 4,
		.fill = fill_inv_archid,
		.call = call_inv,
		.flags = {
			{ SPAN(iommu_cache_invalidate_info, granu.pasid_info.flags), 0x3 },
		},
		.padding = SPAN(iommu_cache_invalidate_info, padding),
		.ignored = {
			SPAN(iommu_cache_invalidate_info, granu.pasid_info.pasid),
		},
	}, {
		.name = "invalidate by address",
		.size = sizeof(struct iommu_cache_invalidate_info),
		.min = 56,
		.stride = 1,
		.version = 4,
		.fill = fill_inv_addr,
		.call = call_inv,
		.flags = {
			{ SPAN(iommu_cache_invalidate_info, cache), 0x7 },
			{ SPAN(iommu_cache_invalidate_info, granu.addr_info.flags), 0x7 },
		},
		.padding = SPAN(iommu_cache_invalidate_info, padding),
		.ignored = {
			SPAN(iommu_cache_invalidate_info, granu.addr_info.archid),
			SPAN(iommu_cache_invalidate_info, granu.addr_info.pasid),
		},
	}, {
		.name = "response",
		.size = sizeof(struct iommu_page_response),
		.min = 24,
		.stride = 8,
		.version = 4,
		.fill = fill_resp,
		.call = call_resp,
		.valid = -ENOENT,
		.flags = {
			{ SPAN(iommu_page_response, flags), 0x3 },
		},
		.ignored = {
			SPAN(iommu_page_response, pasid),
			SPAN(iommu_page_response, cookie),
		},
	}, {
		.name = "response with cookie",
		.size = sizeof(struct iommu_page_response),
		.min = 32,
		.stride = 8,
		.version = 4,
		.fill = fill_resp_cookie,
		.call = call_resp,
		.valid = -ENOENT,
		.flags = {
			{ SPAN(iommu_page_response, flags), 0x3 },
		},
	},
};

static void uapi_struct_name(const struct uapi_struct *s, char *name)
{
	strscpy(name, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(uapi_structs, uapi_structs, uapi_struct_name);

static int drop_fault(void *data, const struct iommu_fault *records,
		      unsigned int count)
{
	return -ENOSPC;
}

static const struct iommu_fault_handler_ops drop_ops = { .fault = drop_fault };

/* PASID 10 is bound to both devices */
static int uapi_init(struct kunit *test)
{
	struct iommu_gpasid_bind_data data;
	int ret;

	ret = mock_guest_init(test);
	if (ret)
		return ret;
	priv = kunit_kzalloc(test, sizeof(*priv), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, priv);
	priv->mock = test->priv;
	mock_guest_own_ops(priv->mock, 1, &smmuv3_ops);
	mock_native_ops(&smmuv3_ops);
	smmuv3_ops.table_format = IOMMU_PASID_FORMAT_SMMUV3;

	fill_bind(&data);
	data.argsz = sizeof(data);
	data.hpasid = 10;
	data.gpgd = 0x1000;
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(priv->mock->ctx, NULL, &data));
	priv->handler = iommu_guest_handle_faults(priv->mock->ctx,
						  mock_dev(priv->mock, 0),
						  &drop_ops, NULL, true);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, priv->handler);

	priv->uptr = mock_user_memory(test, sizeof(priv->buf));
	return 0;
}

/* A valid one with this argsz */
static void start(const struct uapi_struct *s, u32 argsz)
{
	memset(priv->buf, 0, sizeof(priv->buf));
	s->fill(priv->buf);
	memcpy(priv->buf, &argsz, sizeof(argsz));
}

/* Hand it in, with @usize bytes */
static int hand_in(struct kunit *test, const struct uapi_struct *s, size_t usize)
{
	mock_clear_log(priv->mock);
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(priv->uptr, priv->buf,
					      sizeof(priv->buf)));
	return s->call(test, priv->uptr, usize);
}

#define EXPECT_VALID(usize, fmt, ...)					\
	KUNIT_EXPECT_EQ_MSG(test, s->valid, hand_in(test, s, usize),	\
			    fmt, ##__VA_ARGS__)

/* Nothing was bound, unbound or invalidated on the way. */
#define EXPECT_REFUSED(err, usize, fmt, ...) do {			\
	KUNIT_EXPECT_EQ_MSG(test, err, hand_in(test, s, usize),		\
			    fmt, ##__VA_ARGS__);			\
	KUNIT_EXPECT_STREQ_MSG(test, priv->mock->log, "",		\
			       fmt, ##__VA_ARGS__);			\
	KUNIT_EXPECT_STREQ_MSG(test, mock_state(priv->mock),		\
			       "0.a=1000 1.a=1000", fmt, ##__VA_ARGS__); \
} while (0)

static void argsz_below_the_least_is_refused(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;
	u32 argsz;

	for (argsz = 0; argsz < s->min; argsz++) {
		start(s, argsz);
		EXPECT_REFUSED(-EINVAL, SZ_4K, "argsz %u", argsz);
	}
}

static void argsz_up_to_what_is_known_is_taken(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;
	u32 argsz;

	for (argsz = s->min; argsz <= s->size; argsz++) {
		start(s, argsz);
		/* What argsz does not cover is taken as zero. */
		memset(priv->buf + argsz, 0xff, s->size - argsz);
		if (argsz % s->stride)
			EXPECT_REFUSED(-EINVAL, SZ_4K, "argsz %u", argsz);
		else
			EXPECT_VALID(argsz, "argsz %u", argsz);
	}
}

static void argsz_beyond_what_is_there_is_refused(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;
	size_t usize;

	start(s, s->size);
	for (usize = 0; usize < s->size; usize++)
		EXPECT_REFUSED(-EINVAL, usize, "%zu bytes", usize);
	start(s, U32_MAX);
	EXPECT_REFUSED(-EINVAL, sizeof(priv->buf), "argsz of 4 GiB");
	start(s, s->min - 1);
	EXPECT_REFUSED(-EINVAL, sizeof(priv->buf), "argsz %zu", s->min - 1);
}

static void longer_one_must_end_in_zeros(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 1024 };
	const struct uapi_struct *s = test->param_value;
	size_t i, byte, last;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		start(s, s->size + sizes[i]);
		EXPECT_VALID(SZ_4K, "%zu bytes longer", sizes[i]);
		last = s->size + sizes[i] - 1;
		/* Each byte at first, then the last one */
		for (byte = s->size; byte <= min(last, s->size + 7); byte++) {
			priv->buf[byte] = 1;
			EXPECT_REFUSED(-E2BIG, SZ_4K, "byte %zu", byte);
			priv->buf[byte] = 0;
		}
		priv->buf[last] = 0x80;
		EXPECT_REFUSED(-E2BIG, SZ_4K, "byte %zu", last);
		/* Not looked at behind argsz */
		start(s, s->size + sizes[i]);
		priv->buf[last + 1] = 1;
		EXPECT_VALID(last + 1, "byte %zu behind", last + 1);
	}
}

static void argsz_has_an_end(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;

	start(s, SZ_4K);
	EXPECT_VALID(sizeof(priv->buf), "argsz 4096");
	priv->buf[SZ_4K - 1] = 1;
	EXPECT_REFUSED(-E2BIG, sizeof(priv->buf), "byte 4095");
	start(s, SZ_4K + 1);
	EXPECT_REFUSED(-E2BIG, sizeof(priv->buf), "argsz 4097");
	start(s, SZ_4K + 8);
	EXPECT_REFUSED(-E2BIG, sizeof(priv->buf), "argsz 4104");
}

static void unreadable_memory_is_refused(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;
	u8 __user *end = priv->uptr + sizeof(priv->buf);

	KUNIT_EXPECT_EQ(test, -EFAULT, s->call(test, NULL, s->size));
	/* The last byte is missing */
	start(s, s->size);
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(end - s->size + 1, priv->buf,
					      s->size - 1));
	KUNIT_EXPECT_EQ(test, -EFAULT,
			s->call(test, end - s->size + 1, s->size));
	/* argsz is readable in part */
	KUNIT_EXPECT_EQ(test, -EFAULT, s->call(test, end - 2, s->size));
}

static void version_is_the_one_defined(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;
	u32 version;
	int bit;

	for (bit = 0; s->version && bit < 32; bit++) {
		start(s, s->size);
		memcpy(&version, priv->buf + s->version, sizeof(version));
		KUNIT_EXPECT_EQ(test, 1, version);
		version ^= 1U << bit;
		memcpy(priv->buf + s->version, &version, sizeof(version));
		EXPECT_REFUSED(-EINVAL, s->size, "version 0x%x", version);
	}
}

static void flip_bit(const struct span *span, unsigned int bit)
{
	u8 *field = priv->buf + span->offset;

	switch (span->size) {
	case sizeof(u64):
		*(u64 *)field ^= BIT_ULL(bit);
		break;
	case sizeof(u32):
		*(u32 *)field ^= BIT(bit);
		break;
	case sizeof(u16):
		*(u16 *)field ^= BIT(bit);
		break;
	default:
		*field ^= BIT(bit);
	}
}

static void unknown_flags_are_refused(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(s->flags); i++) {
		for (bit = 0; bit < 8 * s->flags[i].span.size; bit++) {
			if (s->flags[i].known & BIT_ULL(bit))
				continue;
			start(s, s->size);
			flip_bit(&s->flags[i].span, bit);
			EXPECT_REFUSED(-EINVAL, s->size, "flags %u, bit %u", i, bit);
		}
	}
}

static void padding_is_zero(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;
	unsigned int i, bit;

	for (i = 0; i < s->padding.size; i++) {
		for (bit = 0; bit < 8; bit++) {
			start(s, s->size);
			priv->buf[s->padding.offset + i] = 1U << bit;
			EXPECT_REFUSED(-EINVAL, s->size, "byte %u, bit %u", i, bit);
		}
	}
}

static void fields_without_use_are_ignored(struct kunit *test)
{
	const struct uapi_struct *s = test->param_value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->ignored); i++) {
		start(s, s->size);
		memset(priv->buf + s->ignored[i].offset, 0xff,
		       s->ignored[i].size);
		EXPECT_VALID(s->size, "field %u", i);
	}
}

static struct kunit_case uapi_cases[] = {
	KUNIT_CASE_PARAM(argsz_below_the_least_is_refused, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(argsz_up_to_what_is_known_is_taken, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(argsz_beyond_what_is_there_is_refused, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(longer_one_must_end_in_zeros, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(argsz_has_an_end, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(unreadable_memory_is_refused, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(version_is_the_one_defined, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(unknown_flags_are_refused, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(padding_is_zero, uapi_structs_gen_params),
	KUNIT_CASE_PARAM(fields_without_use_are_ignored, uapi_structs_gen_params),
	{}
};

static struct kunit_suite uapi_suite = {
	.name = "iommu-guest-uapi",
	.init = uapi_init,
	.exit = mock_guest_exit,
	.test_cases = uapi_cases,
};

kunit_test_suite(uapi_suite);
