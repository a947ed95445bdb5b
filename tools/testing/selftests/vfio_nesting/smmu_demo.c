// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes of a guest share their memory with a device behind an SMMUv3: to
 * look at
 *
 * Everything that is printed is read from memory, from the device or from the
 * kernel when it is printed. What the text claims is checked, and the exit
 * status says whether all of it was true.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "guest.h"
#include "pasid_table.h"
#include "processes.h"
#include "smmu_table.h"
#include "story.h"

#define VA_SRC		0x1200000000ULL
#define VA_DST		0x1280000000ULL

#define CHANNEL_PLAIN	2	/* of the guest's kernel, without PASID */

#define DESCRIPTORS	10	/* as a logarithm */

static struct vmm vmm;

static struct process alice = {
	.name = "alice", .channel = 0, .pasid = 11, .src = VA_SRC, .dst = VA_DST,
};

static struct process bob = {
	.name = "bob", .channel = 1, .pasid = 22, .src = VA_SRC, .dst = VA_DST,
};

static struct smmu_space alice_space, bob_space;
static struct smmu_cds table;

static char *bytes(uint64_t gpa)
{
	return process_bytes(&alice, gpa);
}

static void start_process(struct process *p, struct smmu_space *space, uint16_t asid,
			  const char *text)
{
	process_start(p, &vmm, text);
	smmu_space_init(space, &vmm, asid, 12, 39);
	smmu_space_map(space, p->src, p->text, SIZE_4K, 0);
	smmu_space_map(space, p->dst, p->result, SIZE_4K, 0);
}

/* What the guest does after it has changed a descriptor */
static bool forget(const struct process *p, const struct smmu_space *space)
{
	return !vmm_invalidate_pasid(&vmm, NULL, IOMMU_CACHE_INV_TYPE_PASID, p->pasid) &&
	       !smmu_invalidate_space(space, NULL);
}

static void the_machine(void)
{
	struct iommu_nesting_info info;

	scene("A machine whose IOMMU reads tables of a guest by itself");
	if (vmm_nesting_info(&vmm, &info))
		exit(1);
	printf("   device %s behind an Arm SMMUv3, %u bits of PASID, %u bits of guest memory\n",
	       vmm.devices[0].name, info.pasid_bits, info.addr_width);
	claim(info.features & IOMMU_NESTING_FEAT_BIND_PASID_TABLE,
	      "a table of descriptors can be handed over");
	claim(info.pasid_bits >= DESCRIPTORS, "it may have 2^%u of them", DESCRIPTORS);
	claim(fault_open(&vmm.devices[0], VFIO_NESTING_FAULT_PAGE_REQ) == -EOPNOTSUPP,
	      "pages on request are not to be had, which takes a device with ATS");
}

static void two_processes(void)
{
	scene("A guest with two processes, which use the same virtual addresses");
	start_process(&alice, &alice_space, 1, "a letter from alice");
	start_process(&bob, &bob_space, 2, "bob's shopping list");
	process_show(&alice, &bob);
	claim(process_host_physical(&alice, alice.text) != process_host_physical(&bob, bob.text),
	      "the same address is different memory");
}

static void hand_over(void)
{
	scene("Each has a descriptor in a table, which the guest hands over");
	smmu_cds_init(&table, &vmm, DESCRIPTORS, SMMU_TWO_LEVELS);
	smmu_cd_map(&table, alice.pasid, &alice_space);
	smmu_cd_map(&table, bob.pasid, &bob_space);
	printf("   alice has PASID %u and page tables at %#llx, bob has %u and %#llx\n",
	       alice.pasid, (unsigned long long)alice_space.root, bob.pasid,
	       (unsigned long long)bob_space.root);
	claim(!smmu_cds_set(&table, &vmm.devices[0]),
	      "the table, guest address %#llx, is set", (unsigned long long)table.base);
	svatest_setup(&vmm.devices[0], alice.channel, alice.pasid, 0);
	svatest_setup(&vmm.devices[0], bob.channel, bob.pasid, 0);
	svatest_setup(&vmm.devices[0], CHANNEL_PLAIN, SVATEST_NO_PASID, 0);
}

static void the_device_works(void)
{
	scene("The device copies from the first page to the second, for each of them");
	claim(process_copies(&alice, VA_SRC), "it did so with PASID %u", alice.pasid);
	claim(process_copies(&bob, VA_SRC), "it did so with PASID %u", bob.pasid);
	process_show(&alice, &bob);
	claim(!strcmp(bytes(alice.result), bytes(alice.text)),
	      "alice has her own words");
	claim(!strcmp(bytes(bob.result), bytes(bob.text)), "bob has his");
}

static void caches(void)
{
	uint64_t page = guest_page(&vmm, 0);
	char before[64];

	scene("alice's page is moved: the old one is used until the guest invalidates it");
	process_say(&alice, page, "alice's second thoughts");
	snprintf(before, sizeof(before), "%s", bytes(alice.text));
	smmu_space_map(&alice_space, VA_SRC, page, SIZE_4K, 0);
	process_copies(&alice, VA_SRC);
	printf("   before the invalidation it copies  \"%s\"\n", bytes(alice.result));
	claim(!strcmp(bytes(alice.result), before), "that is the old page");
	claim(!smmu_invalidate_pages(&alice_space, NULL, VA_SRC, 1), "the guest invalidates");
	process_copies(&alice, VA_SRC);
	printf("   after the invalidation it copies   \"%s\"\n", bytes(alice.result));
	claim(!strcmp(bytes(alice.result), bytes(page)), "that is the new page");
}

static void denied(int fd)
{
	const uint64_t secret = VA_SRC + SIZE_2M;
	uint64_t page = guest_page(&vmm, 0);
	struct iommu_fault record = {};
	char before[64];

	scene("bob's channel tries a page that only alice has");
	process_say(&alice, page, "alice's secret");
	smmu_space_map(&alice_space, secret, page, SIZE_4K, 0);
	claim(process_copies(&alice, secret), "alice's channel reads \"%s\" there",
	      bytes(alice.result));
	snprintf(before, sizeof(before), "%s", bytes(bob.result));
	claim(!process_copies(&bob, secret), "bob's is refused");
	claim(!strcmp(bytes(bob.result), before), "bob's page still says \"%s\"",
	      bytes(bob.result));
	claim(fault_next_event(fd, &record) == 1 && record.event.pasid == bob.pasid,
	      "the guest is told: PASID %u, address %#llx", record.event.pasid,
	      (unsigned long long)record.event.addr);
}

static void wild_access(int fd)
{
	const uint64_t wild = 0x7fdead0000ULL;
	struct iommu_fault record = {};
	struct iommu_fault_unrecoverable *event = &record.event;
	bool told;

	scene("alice's channel goes wild");
	claim(svatest_fill(&vmm.devices[0], alice.channel, wild, 0, 8) == SVATEST_ST_ACCESS,
	      "the IOMMU aborts a write to %#llx", (unsigned long long)wild);
	told = fault_next_event(fd, &record) == 1;
	claim(told, "the guest is told: PASID %u, address %#llx, reason %u", event->pasid,
	      (unsigned long long)event->addr, event->reason);
	claim(event->pasid == alice.pasid && event->addr == wild &&
	      event->reason == IOMMU_FAULT_REASON_PTE_FETCH,
	      "that is what happened: nothing is mapped there");
}

static void goodbye(void)
{
	char before[64];

	scene("alice goes away");
	smmu_cd_clear(&table, alice.pasid);
	claim(process_copies(&alice, VA_SRC), "her descriptor is cleared, and cached still");
	claim(forget(&alice, &alice_space), "the guest invalidates it");
	snprintf(before, sizeof(before), "%s", bytes(alice.result));
	claim(!process_copies(&alice, VA_SRC), "the device is refused with PASID %u",
	      alice.pasid);
	claim(!strcmp(before, bytes(alice.result)), "her memory is as she left it");
	claim(process_copies(&bob, VA_SRC), "bob does not notice");
}

static bool kernel_copies(uint64_t src, uint64_t dst)
{
	return svatest_copy(&vmm.devices[0], CHANNEL_PLAIN, src, dst, 64) == SVATEST_ST_OK;
}

/* What drivers of the guest let the device do has no PASID. */
static void without_pasid(void)
{
	const uint64_t src = 0x1000000, dst = 0x2000000;
	uint64_t from = guest_page(&vmm, 0), to = guest_page(&vmm, 0);
	struct smmu_space kernel;

	scene("the guest's kernel does DMA, without PASID, and reboots");
	process_say(&alice, from, "a packet for a driver");
	claim(!kernel_copies(from, to), "without PASID the device is refused so far");
	smmu_space_init(&kernel, &vmm, 3, 12, 39);
	smmu_space_map(&kernel, src, from, SIZE_4K, 0);
	smmu_space_map(&kernel, dst, to, SIZE_4K, 0);
	smmu_cd_map(&table, 0, &kernel);
	table.dss = SMMU_DSS_ENTRY_0;
	claim(!smmu_cds_set(&table, &vmm.devices[0]),
	      "the first descriptor is for that, and set with the table");
	claim(kernel_copies(src, dst), "the device copies from %#llx to %#llx",
	      (unsigned long long)src, (unsigned long long)dst);
	claim(!strcmp(bytes(to), bytes(from)), "memory has it: \"%s\"", bytes(to));
	claim(!kernel_copies(from, to), "guest-physical addresses are refused");
	claim(process_copies(&bob, VA_SRC), "bob does not notice");
	claim(!pasid_table_unset(&vmm, NULL), "it reboots, and has no table any more");
	claim(!kernel_copies(src, dst) && !process_copies(&bob, VA_SRC),
	      "the device does not use the old one");
	claim(kernel_copies(from, to), "it is guest-physical addresses again");
}

static void next_kernel(void)
{
	struct smmu_cds next;

	scene("the next kernel has a table of its own, with alice only");
	smmu_cds_init(&next, &vmm, 4, SMMU_LINEAR);
	smmu_cd_map(&next, alice.pasid, &alice_space);
	next.dss = SMMU_DSS_PASS;
	claim(!smmu_cds_set(&next, &vmm.devices[0]), "it is set");
	claim(process_copies(&alice, VA_SRC) && !process_copies(&bob, VA_SRC),
	      "that is what the device uses");
	claim(!pasid_table_unset(&vmm, NULL) && !process_copies(&alice, VA_SRC),
	      "translation is switched off: there is no PASID any more");
}

int main(void)
{
	int faults;

	if (vmm_open(&vmm, 0, 1))
		return 1;

	the_machine();
	faults = fault_open(&vmm.devices[0], 0);
	if (faults < 0)
		return 1;
	two_processes();
	hand_over();
	the_device_works();
	caches();
	denied(faults);
	wild_access(faults);
	goodbye();
	without_pasid();
	next_kernel();
	close(faults);
	vmm_close(&vmm);

	return story_end();
}
