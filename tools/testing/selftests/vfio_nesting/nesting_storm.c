// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storms: owners that die at any moment, thousands of PASIDs, devices taken away,
 * all under DMA, and a neighbour whose own work must come out right
 *
 *	nesting_storm [deaths [PASIDs [removals [seed]]]]
 *
 * The neighbour has a device of its own. It copies pages and has pages asked for
 * all the time, and looks at each byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "fuzz.h"
#include "guest.h"
#include "needs_svatest.h"

#define QUOTA		"/sys/module/ioasid/parameters/default_quota"
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define RAW		(PRI | SVATEST_CF_TRUSTED)

/* A victim lives up to this long from when it has begun to work */
#define LIFE_US		30000
/* How often the neighbour's device asks for a page: until it is there */
#define RETRIES		1000000
/* PASIDs that a victim binds */
#define VICTIM_PASIDS	8
/* Many are born and die, so none has more than it needs. */
#define VICTIM_MEMORY	0x100000

/**
 * struct shared - what the processes tell each other
 * @working: the victim has begun to work
 * @stop: the neighbour is to end
 * @rounds: of the neighbour
 * @asked: pages that were asked for and given
 * @wrong: what the neighbour has found wrong, or 0
 * @detail: what came in place of what should have
 */
struct shared {
	volatile bool working;
	volatile bool stop;
	volatile uint64_t rounds;
	volatile uint64_t asked;
	volatile unsigned int wrong;
	volatile int detail;
};

static struct shared *shared;

/* ------------------------------------------------------------- neighbour */

static bool page_is(struct guest *guest, uint64_t gpa, uint64_t pattern)
{
	const uint64_t *page = vmm_ptr(&guest->vmm, gpa);
	unsigned int i;

	for (i = 0; i < SIZE_4K / 8; i++)
		if (page[i] != (pattern ^ i))
			return false;
	return true;
}

static void write_page(struct guest *guest, uint64_t gpa, uint64_t pattern)
{
	uint64_t *page = vmm_ptr(&guest->vmm, gpa);
	unsigned int i;

	for (i = 0; i < SIZE_4K / 8; i++)
		page[i] = pattern ^ i;
}

static unsigned int copy_page(struct guest *guest, uint64_t round)
{
	uint64_t pattern = round * 0x9e3779b97f4a7c15ULL;

	write_page(guest, guest->src, pattern);
	write_page(guest, guest->dst, ~pattern);
	if (svatest_copy(guest->dev, 0, GVA_SRC, GVA_DST,
			 SIZE_4K) != SVATEST_ST_OK)
		return 1;
	return page_is(guest, guest->dst, pattern) ? 0 : 2;
}

/* The page goes, is asked for, and comes: at each step the table decides. */
static unsigned int ask_for_page(struct guest *guest, int fd)
{
	volatile uint64_t *entry = pgtable_entry(&guest->pt, GVA_DST, SIZE_4K);
	uint64_t was = *entry;
	struct iommu_fault records[FAULT_ROOM];

	*entry = 0;
	if (vmm_invalidate_addr(&guest->vmm, NULL, GUEST_CACHES, GUEST_PASID,
				GVA_DST, SIZE_4K, 1))
		return 3;
	svatest_start_fill(guest->dev, 0, GVA_DST, shared->rounds, 8);
	/* If it is over without a record, somebody else has given up. */
	while (!fault_wait(fd, 1000))
		if (!svatest_busy(guest->dev, 0)) {
			shared->detail = svatest_wait(guest->dev, 0).status;
			return 10;
		}
	shared->detail = fault_next_group(fd, records);
	if (shared->detail != 1 || records[0].prm.addr != GVA_DST ||
	    records[0].prm.pasid != GUEST_PASID)
		return 4;
	*entry = was;
	if (fault_answer(fd, &records[0], IOMMU_PAGE_RESP_SUCCESS))
		return 5;
	shared->detail = svatest_wait(guest->dev, 0).status;
	if (shared->detail != SVATEST_ST_OK)
		return 6;
	shared->asked++;
	return guest_peek(&guest->vmm, guest->dst) == shared->rounds ? 0 : 7;
}

/*
 * Where the unit's queue overflows it answers with success in place of everybody,
 * and a device asks again.
 */
static void set_up_neighbour(struct vmm_device *dev)
{
	svatest_write(dev, SVATEST_R_CHANNEL(0) + SVATEST_C_FLAGS, 0);
	svatest_write(dev, SVATEST_R_CHANNEL(0) + SVATEST_C_RETRIES, RETRIES);
	svatest_setup(dev, 0, GUEST_PASID, PRI);
}

static void live_next_door(void)
{
	static struct guest guest;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (guest_open(&guest, 1, 1) || guest_bind(&guest))
		shared->wrong = 8;
	fd = fault_open(guest.dev, VFIO_NESTING_FAULT_PAGE_REQ);
	if (fd < 0)
		shared->wrong = 9;
	else
		set_up_neighbour(guest.dev);
	while (!shared->stop && !shared->wrong) {
		shared->rounds++;
		shared->wrong = copy_page(&guest, shared->rounds);
		if (!shared->wrong && shared->rounds % 4 == 0)
			shared->wrong = ask_for_page(&guest, fd);
	}
	_exit(0);
}

/* ---------------------------------------------------------------- victims */

static int bind_many(struct guest *guest, unsigned int count)
{
	uint32_t pasid;
	int ret = 0;

	/* All over the table, and no more than there are */
	for (pasid = 16; pasid < 16 + count && !ret; pasid++) {
		ret = vmm_pasid_alloc(&guest->vmm, pasid, pasid);
		if (ret == (int)pasid)
			ret = vmm_bind(&guest->vmm, NULL, pasid,
				       guest->pt.root, 4);
	}
	return ret;
}

/* Bytes and page requests without end, until somebody else ends it */
static void work(struct guest *guest, int fd)
{
	struct iommu_fault records[FAULT_ROOM];
	unsigned int i;

	svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	svatest_setup(guest->dev, 1, SVATEST_NO_PASID, RAW);
	for (i = 0; ; i++) {
		svatest_copy(guest->dev, 0, GVA_SRC, GVA_DST, SIZE_4K);
		svatest_start_requests(guest->dev, 1, 16 + i % VICTIM_PASIDS,
				       GVA_SRC, 1 + i % 16, SVATEST_PR_READ |
				       (i % 3 ? SVATEST_PR_LAST |
					SVATEST_PR_DISTINCT : 0) |
				       (i * 16 & SVATEST_PR_PRGI_MASK));
		svatest_wait(guest->dev, 1);
		if (i % 4 == 3 && fault_wait(fd, 0) &&
		    fault_read(fd, records, FAULT_ROOM) > 0)
			fault_answer(fd, &records[0], i % 2);
		if (i % 8 == 7)
			vmm_invalidate_pasid(&guest->vmm, NULL, GUEST_CACHES,
					     GUEST_PASID);
		shared->working = true;
	}
}

static void be_a_victim(unsigned int pasids)
{
	static struct guest guest;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (guest_open_small(&guest, 0, 1, VICTIM_MEMORY) || guest_bind(&guest))
		_exit(1);
	fd = fault_open(guest.dev, VFIO_NESTING_FAULT_PAGE_REQ);
	if (fd < 0 || bind_many(&guest, pasids))
		_exit(2);
	work(&guest, fd);
}

static pid_t start(void (*what)(unsigned int), unsigned int arg)
{
	pid_t child;

	shared->working = false;
	fflush(stdout);
	child = fork();
	if (!child)
		what(arg);
	return child;
}

static bool await_work(pid_t child)
{
	int status;

	while (!shared->working) {
		if (waitpid(child, &status, WNOHANG) == child) {
			printf("# it ended by itself: %#x\n", status);
			return false;
		}
		usleep(1000);
	}
	return true;
}

static bool end(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status);
}

/* For whoever waits */
static void progress(unsigned int done, unsigned int each, const char *what)
{
	if (done % each)
		return;
	printf("# %u %s\n", done, what);
	fflush(stdout);
}

/* Half of them do not get as far as to work. */
static bool deaths(unsigned int count)
{
	unsigned int i;
	pid_t child;

	for (i = 0; i < count; i++) {
		child = start(be_a_victim, VICTIM_PASIDS);
		if (i % 2 && !await_work(child))
			return false;
		usleep(rand() % LIFE_US);
		if (!end(child))
			return false;
		progress(i + 1, 100, "owners are dead");
	}
	return true;
}

/* ------------------------------------------------------- many, and removals */

static bool set_number(const char *path, unsigned int number)
{
	FILE *file = fopen(path, "w");
	bool good = file && fprintf(file, "%u", number) > 0;

	return file && !fclose(file) && good;
}

static unsigned int count_bindings(void)
{
	unsigned int count = 0;
	char *text = guest_bindings(), *at;

	for (at = text; *at; at++)
		count += *at == '\n';
	free(text);
	return count - 1;
}

static bool many(unsigned int pasids)
{
	pid_t child = start(be_a_victim, pasids);
	unsigned int found;

	if (!await_work(child))
		return false;
	found = count_bindings();
	printf("# %u bindings\n", found);
	/* The neighbour has one, and the victim one more. */
	return end(child) && found == pasids + 2;
}

/* The device is taken away and comes back, with its owner dying meanwhile. */
static bool remove_device(const char *name, const struct vmm_removal *removal)
{
	char text[128];
	pid_t admin, child;
	int status;

	child = start(be_a_victim, VICTIM_PASIDS);
	if (!await_work(child))
		return false;
	snprintf(text, sizeof(text), removal->away, name);
	admin = vfork();
	if (!admin) {
		execl("/bin/sh", "sh", "-c", text, NULL);
		_exit(1);
	}
	usleep(rand() % LIFE_US);
	if (!end(child) || waitpid(admin, &status, 0) != admin || status)
		return false;
	snprintf(text, sizeof(text), removal->back, name);
	return !system(text);
}

static bool removals(unsigned int count)
{
	char name[16];
	unsigned int i;

	if (vmm_find_device(0, name, sizeof(name)))
		return false;
	for (i = 0; i < count; i++) {
		if (!remove_device(name, &vmm_removals[i % VMM_REMOVALS]))
			return false;
		progress(i + 1, 10, "removals");
	}
	return true;
}

/* ------------------------------------------------------------------- main */

static bool failed;

static void result(bool good, const char *name)
{
	static unsigned int number;

	failed |= !good;
	printf("%sok %u - %s\n", good ? "" : "not ", ++number, name);
	fflush(stdout);
}

static unsigned int number(int argc, char **argv, int which,
			   unsigned int otherwise)
{
	return which < argc ? strtoul(argv[which], NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	unsigned int pasids = number(argc, argv, 2, 500);
	static struct fuzz_books before;
	pid_t neighbour;
	const char *bad;

	srand(number(argc, argv, 4, 1));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	printf("TAP version 13\n1..5\n");
	fuzz_books_take(&before);
	neighbour = fork();
	if (!neighbour)
		live_next_door();

	result(deaths(number(argc, argv, 1, 10)), "owners that die under DMA");
	result(set_number(QUOTA, pasids + 16) && many(pasids),
	       "thousands of PASIDs, and their owner dies");
	result(removals(number(argc, argv, 3, 4)), "device taken away under DMA");

	shared->stop = true;
	waitpid(neighbour, NULL, 0);
	printf("# neighbour: %llu pages copied, %llu asked for, wrong %u (%d)\n",
	       (unsigned long long)shared->rounds,
	       (unsigned long long)shared->asked, shared->wrong,
	       shared->detail);
	result(!shared->wrong && shared->asked,
	       "each byte of the neighbour is right");
	bad = fuzz_books_compare(&before);
	if (bad)
		printf("# %s\n", fuzz_text);
	result(!bad, "nothing is left");
	return failed;
}
