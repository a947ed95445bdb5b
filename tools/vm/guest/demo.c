// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process of a guest shares its memory with a device of the host: to look at
 *
 * It runs in a guest whose kernel knows nothing of nesting: to that kernel the
 * IOMMU and the device are its own. Everything that is printed is read from
 * memory, from the device or from the kernel when it is printed. What the text
 * claims is checked, and the exit status says whether all of it was true.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "native.h"
#include "pgtable.h"
#include "story.h"
#include "svatest.h"

static struct vmm_device dev;
static int pasid;

static uint64_t address(const void *memory)
{
	return (uintptr_t)memory;
}

static char *new_memory(void)
{
	return mmap(NULL, SIZE_4K, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Is there a page behind an address of this process? */
static bool present(const void *memory)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, address(memory) / SIZE_4K * 8) != 8)
		entry = 0;
	close(fd);
	return entry >> 63;
}

static unsigned int copy(const void *from, void *to)
{
	return svatest_copy(&dev, 0, address(from), address(to), SIZE_4K);
}

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void introduce(void)
{
	char ecap[32] = "?";
	struct utsname name;
	FILE *file;

	uname(&name);
	file = fopen("/sys/class/iommu/dmar0/intel-iommu/ecap", "r");
	if (file) {
		if (!fscanf(file, "%31s", ecap))
			ecap[0] = 0;
		fclose(file);
	}
	scene("A process of the guest");
	printf("      kernel %s, IOMMU of the guest: ecap %s\n", name.release, ecap);
	printf("      process %d, device %s\n", getpid(), dev.name);
	claim(access("/sys/kernel/debug/iommu-guest", F_OK) &&
	      access("/dev/vfio", F_OK), "this kernel has nothing for nesting, and no VFIO");
	claim(pasid > 0, "it gave the device PASID %d for the process", pasid);
}

/* The kernel gives PASIDs from 1 on: that was the one of the process before. */
static void second_boot(void)
{
	char *page = new_memory();

	scene("The guest has rebooted");
	page[0] = 0;
	svatest_setup(&dev, 0, 1, SVATEST_CF_ATS);
	claim(copy(page, page) != SVATEST_ST_OK,
	      "PASID 1 of the process before means nothing any more");
	pasid = native_bind(&dev);
	claim(pasid > 0, "a new process, %d, has PASID %d", getpid(), pasid);
}

static char *shared_memory(void)
{
	char *from = new_memory(), *to = new_memory();

	scene("The device works on memory that the process has allocated");
	snprintf(from, SIZE_4K, "written by process %d", getpid());
	to[0] = 0;
	claim(copy(from, to) == SVATEST_ST_OK,
	      "copied from %#llx to %#llx, addresses of the process",
	      (unsigned long long)address(from), (unsigned long long)address(to));
	claim(!strcmp(from, to), "the process reads there: \"%s\"", to);
	return from;
}

static void page_request(const char *from)
{
	uint64_t asked = svatest_counter(&dev, SVATEST_CNT_PAGE_REQUESTS);
	uint64_t good = svatest_counter(&dev, SVATEST_CNT_RESP_SUCCESS);
	char *to = new_memory();
	bool before = present(to);
	unsigned int status;
	double begin, end;

	scene("A page that is not there comes by request");
	begin = microseconds();
	status = copy(from, to);
	end = microseconds();
	asked = svatest_counter(&dev, SVATEST_CNT_PAGE_REQUESTS) - asked;
	good = svatest_counter(&dev, SVATEST_CNT_RESP_SUCCESS) - good;
	claim(!before, "no page at %#llx before", (unsigned long long)address(to));
	claim(status == SVATEST_ST_OK && asked && good,
	      "the device asked for %llu page and got %llu answer",
	      (unsigned long long)asked, (unsigned long long)good);
	claim(present(to) && !strcmp(from, to),
	      "there is one now, and in it: \"%s\"", to);
	printf("      the copy took %.0f us, of which the device waited %llu us for"
	       " the answer\n", end - begin, (unsigned long long)
	       svatest_counter(&dev, SVATEST_CNT_LONGEST_WAIT) / 1000);
}

static void stale_translation(void)
{
	uint64_t stale = svatest_counter(&dev, SVATEST_CNT_ATC_STALE) +
			 svatest_counter(&dev, SVATEST_CNT_UNIT_STALE);
	uint64_t told = svatest_counter(&dev, SVATEST_CNT_INV_PAGE) +
			svatest_counter(&dev, SVATEST_CNT_INV_ALL);
	uint64_t hits;
	char *page = new_memory(), *to = new_memory(), *again;

	scene("A translation that the device has cached becomes stale");
	strcpy(page, "the old page");
	copy(page, to);
	hits = svatest_counter(&dev, SVATEST_CNT_ATC_HITS);
	copy(page, to);
	claim(svatest_counter(&dev, SVATEST_CNT_ATC_HITS) > hits,
	      "the device has %#llx in its cache", (unsigned long long)address(page));

	munmap(page, SIZE_4K);
	again = mmap(page, SIZE_4K, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	strcpy(again, "the new page");
	told = svatest_counter(&dev, SVATEST_CNT_INV_PAGE) +
	       svatest_counter(&dev, SVATEST_CNT_INV_ALL) - told;
	claim(told, "the process maps another page there: the device was told %llu"
	      " times to forget", (unsigned long long)told);
	claim(copy(again, to) == SVATEST_ST_OK && !strcmp(again, to),
	      "it reads: \"%s\"", to);
	claim(stale == svatest_counter(&dev, SVATEST_CNT_ATC_STALE) +
	      svatest_counter(&dev, SVATEST_CNT_UNIT_STALE),
	      "no stale translation was used, says the hardware");
}

/* What the kernel says of DMAR from now on, up to a line with @word */
static bool kernel_says(int log, const char *word)
{
	char line[1024], *text;
	unsigned int tries;
	ssize_t len;

	for (tries = 0; tries < 200; tries++) {
		len = read(log, line, sizeof(line) - 1);
		if (len <= 0) {
			usleep(50000);
			continue;
		}
		line[len] = 0;
		line[strcspn(line, "\n")] = 0;
		text = strchr(line, ';');
		if (!text || !strstr(text, "DMAR"))
			continue;
		printf("      log: %s\n", text + 1);
		if (strstr(text, word))
			return true;
	}
	return false;
}

static void wild_access(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	const uint64_t wild = 0x123456789000;
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_READ | SVATEST_F_UNTRANSLATED,
		.src = wild, .length = 8,
	};
	struct svatest_result result;
	char word[32];

	scene("The device reads where the process has nothing, and does not ask");
	lseek(log, 0, SEEK_END);
	result = svatest_run(&dev, 0, &desc);
	claim(result.status != SVATEST_ST_OK, "it was refused at %#llx",
	      (unsigned long long)wild);
	snprintf(word, sizeof(word), "%#llx", (unsigned long long)wild);
	claim(kernel_says(log, word), "the guest's own log has the address");
	close(log);
}

static void goodbye(const char *from)
{
	char *to = new_memory();

	scene("The process takes its memory back");
	claim(!native_unbind(&dev), "unbound");
	svatest_setup(&dev, 0, pasid, SVATEST_CF_ATS);
	claim(copy(from, to) != SVATEST_ST_OK, "the device is refused from now on");
}

int main(void)
{
	bool again = atoi(getenv("boot") ?: "1") > 1;
	char *from;

	setvbuf(stdout, NULL, _IOLBF, 0);
	story_margin = "   ";
	if (native_open(&dev, 0, NULL))
		return 1;
	svatest_write(&dev, SVATEST_R_CONTROL, SVATEST_CTRL_RESET);
	if (again) {
		second_boot();
	} else {
		pasid = native_bind(&dev);
		introduce();
	}
	if (pasid <= 0)
		return 1;
	svatest_write(&dev, SVATEST_R_CHANNEL(0) + SVATEST_C_RETRIES, 8);
	svatest_setup(&dev, 0, pasid, SVATEST_CF_ATS | SVATEST_CF_PRI);
	from = shared_memory();
	page_request(from);
	if (!again) {
		stale_translation();
		wild_access();
		goodbye(from);
	}
	native_close(&dev);
	return story_end();
}
