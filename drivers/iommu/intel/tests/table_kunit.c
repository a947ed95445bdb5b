// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: the PASID table of a guest, bit by bit
 */
#include <kunit/test.h>
#include <linux/sizes.h>

#include "../iommu.h"
#include "../gpasid.h"

#define ROOT	0x12345000ULL

/* P, PGTT 001; FSPTPTR */
static const u64 first_stage[8] = { BIT_ULL(0) | 1 << 6, 0, ROOT };
/* P, PGTT 100 */
static const u64 pass_through[8] = { BIT_ULL(0) | 4 << 6 };

/* What a bit that is flipped in a good entry makes of it */
enum effect {
	IGNORED,
	BAD,
	ABSENT,
	QUIET,
	/* Of the first stage */
	ROOT_MOVES,
	FIVE_LEVELS,
	SUPERVISOR,
	ACCESSED,
};

struct bits {
	unsigned int first, last;
	enum effect first_stage, pass;
};

/* By section 9.6, revision 5.10 */
static const struct bits entry_bits[] = {
	{ 0, 0, ABSENT, ABSENT },		/* P */
	{ 1, 1, QUIET, QUIET },			/* FPD */
	{ 2, 4, IGNORED, IGNORED },		/* AW */
	{ 5, 5, BAD, BAD },
	{ 6, 8, BAD, BAD },			/* PGTT: each flip gives another type */
	{ 9, 9, IGNORED, IGNORED },		/* SSADE */
	{ 10, 11, BAD, BAD },
	{ 12, 63, IGNORED, IGNORED },		/* SSPTPTR */
	{ 64, 79, IGNORED, IGNORED },		/* DID */
	{ 80, 86, BAD, BAD },
	{ 87, 88, IGNORED, IGNORED },		/* PWSNP, PGSNP */
	{ 89, 90, BAD, BAD },			/* CD, EMTE */
	{ 91, 95, BAD, BAD },
	{ 96, 127, BAD, BAD },			/* PAT */
	{ 128, 128, SUPERVISOR, IGNORED },	/* SRE */
	{ 129, 129, BAD, BAD },
	{ 130, 130, FIVE_LEVELS, IGNORED },	/* FSPM */
	{ 131, 131, BAD, IGNORED },
	{ 132, 132, IGNORED, IGNORED },		/* WPE, without SRE */
	{ 133, 134, IGNORED, IGNORED },
	{ 135, 135, ACCESSED, IGNORED },	/* EAFE */
	{ 136, 139, BAD, BAD },
	{ 140, 191, ROOT_MOVES, IGNORED },	/* FSPTPTR */
	{ 192, 511, BAD, BAD },
};

static struct iommu_guest_entry good_entry(bool pass)
{
	struct iommu_guest_entry entry = {
		.kind = pass ? IOMMU_GUEST_ENTRY_PASS : IOMMU_GUEST_ENTRY_FIRST_STAGE,
	};

	if (pass)
		return entry;
	entry.data.argsz = sizeof(entry.data);
	entry.data.version = IOMMU_GPASID_BIND_VERSION_1;
	entry.data.format = IOMMU_PASID_FORMAT_INTEL_VTD;
	entry.data.addr_width = 48;
	entry.data.gpgd = ROOT;
	return entry;
}

static void expect_entry(struct kunit *test, const u64 *val, bool present,
			 const struct iommu_guest_entry *want, unsigned int bit)
{
	struct iommu_guest_entry entry = {};

	KUNIT_EXPECT_EQ_MSG(test, intel_guest_decode_entry(val, &entry), present,
			    "bit %u", bit);
	if (!present)
		return;
	KUNIT_EXPECT_EQ_MSG(test, entry.kind, want->kind, "bit %u", bit);
	KUNIT_EXPECT_EQ_MSG(test, entry.quiet, want->quiet, "bit %u", bit);
	if (want->kind == IOMMU_GUEST_ENTRY_FIRST_STAGE)
		KUNIT_EXPECT_EQ_MSG(test, memcmp(&entry.data, &want->data,
						 sizeof(entry.data)), 0, "bit %u", bit);
}

static void expect_flipped(struct kunit *test, const u64 *good, bool pass,
			   unsigned int bit, enum effect effect)
{
	struct iommu_guest_entry want = good_entry(pass);
	u64 val[8];

	memcpy(val, good, sizeof(val));
	val[bit / 64] ^= BIT_ULL(bit % 64);
	switch (effect) {
	case BAD:
		want.kind = IOMMU_GUEST_ENTRY_BAD;
		break;
	case QUIET:
		want.quiet = true;
		break;
	case ROOT_MOVES:
		want.data.gpgd ^= BIT_ULL(bit - 128);
		break;
	case FIVE_LEVELS:
		want.data.addr_width = 57;
		break;
	case SUPERVISOR:
		want.data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_SRE;
		break;
	case ACCESSED:
		want.data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_EAFE;
		break;
	default:
		break;
	}
	expect_entry(test, val, effect != ABSENT, &want, bit);
}

static void table_entry_bit_by_bit(struct kunit *test)
{
	const struct bits *bits;
	unsigned int bit, next = 0;

	for (bits = entry_bits; bits < entry_bits + ARRAY_SIZE(entry_bits); bits++) {
		KUNIT_ASSERT_EQ(test, next, bits->first);
		for (bit = bits->first; bit <= bits->last; bit++) {
			expect_flipped(test, first_stage, false, bit, bits->first_stage);
			expect_flipped(test, pass_through, true, bit, bits->pass);
		}
		next = bits->last + 1;
	}
	KUNIT_EXPECT_EQ(test, next, 512);
}

static void table_entry_of_each_type(struct kunit *test)
{
	struct iommu_guest_entry want;
	u64 val[8], type;

	for (type = 0; type < 8; type++) {
		memcpy(val, first_stage, sizeof(val));
		val[0] = BIT_ULL(0) | type << 6;
		want = good_entry(type == 4);
		if (type != 1 && type != 4)
			want.kind = IOMMU_GUEST_ENTRY_BAD;
		expect_entry(test, val, true, &want, type);
	}
	memcpy(val, first_stage, sizeof(val));
	val[2] |= BIT_ULL(0) | BIT_ULL(4);
	want = good_entry(false);
	want.data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_SRE | IOMMU_SVA_VTD_GPASID_WPE;
	expect_entry(test, val, true, &want, 132);
	/* Nothing but P and FPD counts in one that is not present. */
	memset(val, 0xff, sizeof(val));
	val[0] &= ~BIT_ULL(0);
	expect_entry(test, val, false, &want, 0);
}

/* --------------------------------------------------------------------- walk */

#define BASE	0x100000ULL
#define LEAF	0x200000ULL
#define SECOND	0x300000ULL

/**
 * struct table_memory - memory of a guest, with a directory and two tables
 * @dir: at BASE
 * @leaf: at LEAF
 * @second: at SECOND
 * @hole: no memory here
 * @error: of a read of @hole
 * @reads: number of reads
 */
struct table_memory {
	u64 dir[1024];
	u64 leaf[64][8];
	u64 second[64][8];
	u64 hole;
	int error;
	unsigned int reads;
};

static int memory_read(void *data, u64 gpa, void *to, size_t len)
{
	struct table_memory *m = data;

	m->reads++;
	if (m->error && m->hole >= gpa && m->hole < gpa + len)
		return m->error;
	if (gpa >= BASE && gpa + len <= BASE + sizeof(m->dir))
		memcpy(to, (void *)m->dir + (gpa - BASE), len);
	else if (gpa >= LEAF && gpa + len <= LEAF + sizeof(m->leaf))
		memcpy(to, (void *)m->leaf + (gpa - LEAF), len);
	else if (gpa >= SECOND && gpa + len <= SECOND + sizeof(m->second))
		memcpy(to, (void *)m->second + (gpa - SECOND), len);
	else
		return -ENOENT;
	return 0;
}

/* What came out, in words: "pasid", with ! for bad, ? for unreadable, - for quiet */
struct table_log {
	struct table_memory memory;
	char text[512];
	size_t used;
	u64 last_gpa;
	unsigned int count;
	int error;
};

static int log_entry(const struct iommu_guest_entry *entry, void *arg)
{
	static const char * const kinds[] = {
		[IOMMU_GUEST_ENTRY_FIRST_STAGE] = "",
		[IOMMU_GUEST_ENTRY_PASS] = "=",
		[IOMMU_GUEST_ENTRY_BAD] = "!",
		[IOMMU_GUEST_ENTRY_UNREADABLE] = "?",
	};
	struct table_log *log = arg;

	log->used += scnprintf(log->text + log->used, sizeof(log->text) - log->used,
			       "%s%x%s%s", log->used ? " " : "", entry->pasid,
			       kinds[entry->kind], entry->quiet ? "-" : "");
	log->last_gpa = entry->gpa;
	return --log->count ? 0 : log->error;
}

static struct table_log *make_log(struct kunit *test)
{
	struct table_log *log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	struct table_memory *m;

	KUNIT_ASSERT_NOT_NULL(test, log);
	m = &log->memory;
	m->dir[0] = LEAF | 1;
	m->dir[1023] = SECOND | 1;
	memcpy(m->leaf[0], pass_through, sizeof(m->leaf[0]));
	memcpy(m->leaf[1], first_stage, sizeof(m->leaf[1]));
	memcpy(m->leaf[63], first_stage, sizeof(m->leaf[63]));
	memcpy(m->second[7], first_stage, sizeof(m->second[7]));
	memcpy(m->second[63], first_stage, sizeof(m->second[63]));
	return log;
}

static int walk(struct table_log *log, bool strict, ioasid_t first, ioasid_t last)
{
	const struct iommu_guest_memory mem = { .read = memory_read, .data = &log->memory };
	const struct iommu_pasid_table_config config = {
		.base_ptr = BASE,
		.pasid_bits = 16,
	};

	log->memory.reads = 0;
	log->used = 0;
	log->text[0] = '\0';
	return intel_guest_table_walk(&config, &mem, strict, first, last, log_entry, log);
}

#define EXPECT_WALK(first, last, words) do {					\
	KUNIT_EXPECT_EQ(test, walk(log, true, first, last), 0);		\
	KUNIT_EXPECT_STREQ(test, log->text, words);				\
} while (0)

static void table_walk_goes_where_it_should(struct kunit *test)
{
	struct table_log *log = make_log(test);

	EXPECT_WALK(0, 0xffff, "0= 1 3f ffc7 ffff");
	/* 16 of the directory, 8 of each table */
	KUNIT_EXPECT_EQ(test, log->memory.reads, 32);
	KUNIT_EXPECT_EQ(test, log->last_gpa, SECOND + 63 * 64);
	EXPECT_WALK(0, 0, "0=");
	KUNIT_EXPECT_EQ(test, log->memory.reads, 2);
	EXPECT_WALK(1, 1, "1");
	KUNIT_EXPECT_EQ(test, log->last_gpa, LEAF + 64);
	EXPECT_WALK(2, 62, "");
	EXPECT_WALK(1, 63, "1 3f");
	EXPECT_WALK(0x3f, 0xffc6, "3f");
	EXPECT_WALK(0xffff, 0xffff, "ffff");
	EXPECT_WALK(64, 64, "");
	KUNIT_EXPECT_EQ(test, log->memory.reads, 1);
}

static void table_walk_of_bad_parts(struct kunit *test)
{
	struct table_log *log = make_log(test);
	int bit;

	log->memory.leaf[5][0] = BIT_ULL(0);
	EXPECT_WALK(0, 63, "0= 1 5! 3f");
	log->memory.dir[0] |= 2;
	EXPECT_WALK(0, 63, "0=- 1- 5!- 3f-");
	log->memory.dir[1] = SECOND | 2;
	EXPECT_WALK(64, 127, "");
	for (bit = 2; bit < 12; bit++) {
		log->memory.dir[1] = SECOND | BIT_ULL(bit) | 1;
		EXPECT_WALK(64, 127, "40!");
		EXPECT_WALK(70, 70, "46!");
		KUNIT_EXPECT_EQ(test, log->last_gpa, BASE + 8);
	}
	/* A table that is nowhere, and beyond any memory */
	log->memory.dir[1] = 0x900000 | 1;
	EXPECT_WALK(0, 127, "0=- 1- 5!- 3f- 40?");
	log->memory.dir[1] = GENMASK_ULL(63, 12) | 3;
	EXPECT_WALK(64, 127, "40?-");
	KUNIT_EXPECT_EQ(test, log->last_gpa, GENMASK_ULL(63, 12));
}

static void table_walk_without_memory(struct kunit *test)
{
	struct table_log *log = make_log(test);

	log->memory.error = -ENOENT;
	log->memory.hole = BASE + 0x1000;
	/* All of the page */
	EXPECT_WALK(0, 0xffff, "0= 1 3f 8000?");
	EXPECT_WALK(0x8003, 0x8003, "8003?");
	KUNIT_EXPECT_EQ(test, log->last_gpa, BASE + 0x1000);
	log->memory.hole = LEAF + 8 * 64;
	EXPECT_WALK(0, 0xffff, "0= 1 8? ffc7 ffff");
	EXPECT_WALK(0, 63, "0= 1 8?");
	KUNIT_EXPECT_EQ(test, log->last_gpa, LEAF + 8 * 64);

	/* What is not of the guest's making ends the walk, or is taken as a hole. */
	log->memory.error = -EFAULT;
	KUNIT_EXPECT_EQ(test, walk(log, true, 0, 0xffff), -EFAULT);
	KUNIT_EXPECT_EQ(test, walk(log, false, 0, 0xffff), 0);
	KUNIT_EXPECT_STREQ(test, log->text, "0= 1 8? ffc7 ffff");
	log->memory.hole = BASE;
	KUNIT_EXPECT_EQ(test, walk(log, true, 0, 0xffff), -EFAULT);
	KUNIT_EXPECT_EQ(test, walk(log, false, 0, 0xffff), 0);
	KUNIT_EXPECT_STREQ(test, log->text, "0? ffc7 ffff");
	KUNIT_EXPECT_EQ(test, walk(log, false, 5, 5), 0);
	KUNIT_EXPECT_STREQ(test, log->text, "5?");
}

/* Who takes the entries can end it, at each of them. */
static void table_walk_ends_with_an_error(struct kunit *test)
{
	struct table_log *log = make_log(test);
	unsigned int i;

	log->memory.dir[2] = 0x900000 | 1;
	log->memory.dir[3] = LEAF | 5;
	log->memory.hole = BASE + 0x1000;
	log->memory.error = -ENOENT;
	log->error = -EDQUOT;
	for (i = 1; i <= 6; i++) {
		log->count = i;
		KUNIT_EXPECT_EQ(test, walk(log, true, 0, 0xffff), -EDQUOT);
		KUNIT_EXPECT_EQ(test, log->count, 0);
	}
	KUNIT_EXPECT_STREQ(test, log->text, "0= 1 3f 80? c0! 8000?");
}

static struct kunit_case vtd_table_test_cases[] = {
	KUNIT_CASE(table_entry_bit_by_bit),
	KUNIT_CASE(table_entry_of_each_type),
	KUNIT_CASE(table_walk_goes_where_it_should),
	KUNIT_CASE(table_walk_of_bad_parts),
	KUNIT_CASE(table_walk_without_memory),
	KUNIT_CASE(table_walk_ends_with_an_error),
	{}
};

static struct kunit_suite vtd_table_test_suite = {
	.name = "intel-iommu-table",
	.test_cases = vtd_table_test_cases,
};

kunit_test_suite(vtd_table_test_suite);
