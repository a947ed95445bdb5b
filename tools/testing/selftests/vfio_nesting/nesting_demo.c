// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes of a guest share their memory with a device: to look at
 *
 * Everything that is printed is read from memory, from the device or from the
 * kernel when it is printed. What the text claims is checked, and the exit
 * status says whether all of it was true.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "guest.h"
#include "pasid_table.h"
#include "processes.h"
#include "story.h"

static struct vmm vmm;

static struct process alice = {
	.name = "alice", .channel = 0, .pasid = 11, .src = GVA_SRC, .dst = GVA_DST,
};

static struct process bob = {
	.name = "bob", .channel = 1, .pasid = 22, .src = GVA_SRC, .dst = GVA_DST,
};

static struct pgtable alice_table, bob_table;

static char *bytes(uint64_t gpa)
{
	return process_bytes(&alice, gpa);
}

static void say(uint64_t gpa, const char *text)
{
	process_say(&alice, gpa, text);
}

static void start_process(struct process *p, struct pgtable *table, const char *text)
{
	process_start(p, &vmm, text);
	pgtable_init(table, &vmm, 4);
	pgtable_map(table, p->src, p->text, SIZE_4K, PGT_READ_WRITE);
	pgtable_map(table, p->dst, p->result, SIZE_4K, PGT_READ_WRITE);
}

static void show_bindings(void)
{
	char *text = guest_bindings(), *line, *rest = text;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			printf("   %s\n", line);
	free(text);
}

static bool bound(const struct process *p, const struct pgtable *table)
{
	char *text = guest_bindings(), pattern[80];
	bool found;

	snprintf(pattern, sizeof(pattern), "%s %u %u %#llx", vmm.devices[0].name,
		 p->pasid, p->pasid, (unsigned long long)table->root);
	found = strstr(text, pattern);
	free(text);
	return found;
}

static void the_machine(void)
{
	struct iommu_nesting_info info;

	scene("A machine whose IOMMU can nest");
	if (vmm_nesting_info(&vmm, &info))
		exit(1);
	printf("   device %s behind Intel VT-d, %u bits of PASID, %u bits of guest memory\n",
	       vmm.devices[0].name, info.pasid_bits, info.addr_width);
	claim(info.features & IOMMU_NESTING_FEAT_BIND_PGTBL,
	      "page tables of a guest can be bound");
}

static void two_processes(void)
{
	scene("A guest with two processes, which use the same virtual addresses");
	start_process(&alice, &alice_table, "a letter from alice");
	start_process(&bob, &bob_table, "bob's shopping list");
	process_show(&alice, &bob);
	claim(process_host_physical(&alice, alice.text) != process_host_physical(&bob, bob.text),
	      "the same address is different memory");
}

static void bind_them(void)
{
	scene("Their page tables are bound to PASIDs of the device");
	claim(vmm_pasid_alloc(&vmm, 11, 11) == 11, "alice gets PASID 11");
	claim(vmm_pasid_alloc(&vmm, 22, 22) == 22, "bob gets PASID 22");
	claim(!vmm_bind(&vmm, &vmm.devices[0], 11, alice_table.root, 4),
	      "alice's table, guest address %#llx, is bound",
	      (unsigned long long)alice_table.root);
	claim(!vmm_bind(&vmm, &vmm.devices[0], 22, bob_table.root, 4),
	      "bob's table, guest address %#llx, is bound",
	      (unsigned long long)bob_table.root);
	svatest_setup(&vmm.devices[0], 0, 11, SVATEST_CF_ATS);
	svatest_setup(&vmm.devices[0], 1, 22, SVATEST_CF_ATS | SVATEST_CF_PRI);
	printf("\n   The kernel's own view (/sys/kernel/debug/iommu-guest/bindings):\n");
	show_bindings();
	claim(bound(&alice, &alice_table) && bound(&bob, &bob_table), "the kernel says so too");
}

static void the_device_works(void)
{
	scene("The device copies from the first page to the second, for each of them");
	claim(process_copies(&alice, GVA_SRC), "it did so with PASID 11");
	claim(process_copies(&bob, GVA_SRC), "it did so with PASID 22");
	process_show(&alice, &bob);
	claim(!strcmp(bytes(alice.result), bytes(alice.text)),
	      "alice has her own words");
	claim(!strcmp(bytes(bob.result), bytes(bob.text)), "bob has his");
}

static void caches(void)
{
	uint64_t page = guest_page(&vmm, 0);
	volatile uint64_t *entry = pgtable_entry(&alice_table, GVA_SRC, SIZE_4K);
	char before[64];

	scene("alice's page is moved: the device keeps the old one until it is told");
	say(page, "alice's second thoughts");
	snprintf(before, sizeof(before), "%s", bytes(alice.text));
	*entry = page | PGT_READ_WRITE;
	process_copies(&alice, GVA_SRC);
	printf("   before the invalidation it copies  \"%s\"\n", bytes(alice.result));
	claim(!strcmp(bytes(alice.result), before), "that is the old page");
	claim(!vmm_invalidate_addr(&vmm, NULL, GUEST_CACHES, 11, GVA_SRC,
				   SIZE_4K, 1), "the guest invalidates");
	process_copies(&alice, GVA_SRC);
	printf("   after the invalidation it copies   \"%s\"\n", bytes(alice.result));
	claim(!strcmp(bytes(alice.result), bytes(page)), "that is the new page");
}

static void denied(void)
{
	const uint64_t secret = GVA_SRC + SIZE_2M;
	uint64_t page = guest_page(&vmm, 0);
	struct svatest_result result;
	struct svatest_desc steal = {
		.op_flags = SVATEST_OP_COPY | SVATEST_F_NO_PRI,
		.src = secret, .dst = GVA_DST, .length = 64,
	};
	char before[64];

	scene("bob's channel tries a page that only alice has");
	say(page, "alice's secret");
	pgtable_map(&alice_table, secret, page, SIZE_4K, PGT_READ_WRITE);
	claim(process_copies(&alice, secret), "alice's channel reads \"%s\" there",
	      bytes(alice.result));
	snprintf(before, sizeof(before), "%s", bytes(bob.result));
	result = svatest_run(&vmm.devices[0], 1, &steal);
	claim(result.status != SVATEST_ST_OK,
	      "bob's is refused: status %u at address %#llx", result.status,
	      (unsigned long long)result.result);
	claim(!strcmp(bytes(bob.result), before), "bob's page still says \"%s\"",
	      bytes(bob.result));
}

/* What VFIO hands to the VMM, which would hand it to the guest's handler */
static void page_on_demand(int fd)
{
	const uint64_t gva = GVA_DST + SIZE_2M;
	struct iommu_fault records[FAULT_ROOM];
	struct iommu_fault_page_request *prm = &records[0].prm;
	struct svatest_desc copy = {
		.op_flags = SVATEST_OP_COPY,
		.src = GVA_SRC, .dst = gva, .length = 64,
	};
	uint64_t page;
	bool came;

	scene("bob's channel writes to a page that is not there yet");
	svatest_start(&vmm.devices[0], 1, &copy);
	came = fault_next_group(fd, records) == 1;
	claim(came, "a page request arrives: PASID %u, address %#llx, %s, group %u",
	      prm->pasid, (unsigned long long)prm->addr,
	      prm->perm & IOMMU_FAULT_PERM_WRITE ? "to write" : "to read",
	      prm->grpid);
	claim(prm->pasid == bob.pasid && prm->addr == gva, "it is what bob lacks");
	claim(svatest_busy(&vmm.devices[0], 1), "the device waits");
	page = guest_page(&vmm, 0);
	pgtable_map(&bob_table, gva, page, SIZE_4K, PGT_READ_WRITE);
	claim(!fault_answer(fd, records, IOMMU_PAGE_RESP_SUCCESS),
	      "the guest maps %#llx there and responds",
	      (unsigned long long)page);
	claim(svatest_wait(&vmm.devices[0], 1).status == SVATEST_ST_OK,
	      "the device goes on and is done");
	process_show_page(&bob, gva, page);
	claim(!strcmp(bytes(page), bytes(bob.text)), "bob's words are there");
}

static void wild_access(int fd)
{
	const uint64_t wild = 0x00007fffdead0000ULL;
	struct svatest_desc fill = {
		.op_flags = SVATEST_OP_FILL | SVATEST_F_UNTRANSLATED,
		.dst = wild, .length = 8,
	};
	struct iommu_fault record = {};
	struct iommu_fault_unrecoverable *event = &record.event;
	bool told;

	scene("alice's channel goes wild, without asking");
	claim(svatest_run(&vmm.devices[0], 0, &fill).status == SVATEST_ST_ACCESS,
	      "the IOMMU aborts a write to %#llx", (unsigned long long)wild);
	told = fault_next_event(fd, &record) == 1;
	claim(told, "the guest is told: PASID %u, address %#llx, reason %u", event->pasid,
	      (unsigned long long)event->addr, event->reason);
	claim(event->pasid == alice.pasid && event->addr == wild &&
	      event->reason == IOMMU_FAULT_REASON_PTE_FETCH,
	      "that is what happened: nothing is mapped there");
}

static bool kernel_copies(uint64_t src, uint64_t dst)
{
	return svatest_copy(&vmm.devices[0], 2, src, dst, 64) == SVATEST_ST_OK;
}

/* What drivers of the guest let the device do has no PASID. */
static void without_pasid(void)
{
	const uint64_t src = 0x1000000, dst = 0x2000000;
	uint64_t from = guest_page(&vmm, 0), to = guest_page(&vmm, 0);
	struct pgtable kernel;

	scene("the guest's kernel does DMA, without PASID, and reboots");
	say(from, "a packet for a driver");
	pgtable_init(&kernel, &vmm, 4);
	pgtable_map(&kernel, src, from, SIZE_4K, PGT_READ_WRITE);
	pgtable_map(&kernel, dst, to, SIZE_4K, PGT_READ_WRITE);
	svatest_setup(&vmm.devices[0], 2, SVATEST_NO_PASID, SVATEST_CF_ATS);
	claim(!vmm_set_rid(&vmm, &vmm.devices[0], IOMMU_RID_FIRST_STAGE,
			   kernel.root, 4), "it hands its table over");
	claim(kernel_copies(src, dst), "the device copies from %#llx to %#llx",
	      (unsigned long long)src, (unsigned long long)dst);
	claim(!strcmp(bytes(to), bytes(from)), "memory has it: \"%s\"", bytes(to));
	claim(!kernel_copies(from, to), "guest-physical addresses are refused");
	claim(process_copies(&bob, GVA_SRC), "bob does not notice");
	claim(!vmm_set_rid(&vmm, &vmm.devices[0], IOMMU_RID_PASS, 0, 4),
	      "it reboots, and has no table any more");
	claim(!kernel_copies(src, dst), "the device does not use the old one");
	claim(kernel_copies(from, to), "it is guest-physical addresses again");
}

static void goodbye(void)
{
	char before[64];

	scene("alice goes away");
	claim(!vmm_unbind(&vmm, NULL, 11), "her page table is unbound");
	snprintf(before, sizeof(before), "%s", bytes(alice.result));
	claim(!process_copies(&alice, GVA_SRC), "the device is refused with PASID 11");
	claim(!strcmp(before, bytes(alice.result)), "her memory is as she left it");
	claim(process_copies(&bob, GVA_SRC), "bob does not notice");
	show_bindings();
	claim(!bound(&alice, &alice_table) && bound(&bob, &bob_table), "the kernel says so too");
}

/* What a guest does whose unit leaves all PASIDs to it */
static void whole_table(void)
{
	struct pasid_table table, next;

	scene("the guest hands its whole PASID table over, changes it, and reboots");
	claim(!vmm_unbind(&vmm, NULL, 22), "there are no single binds any more");
	pasid_table_init(&table, &vmm, 16);
	pasid_table_map(&table, 11, &alice_table);
	pasid_table_map(&table, 22, &bob_table);
	claim(!pasid_table_set(&table, &vmm.devices[0]),
	      "a table with alice at 11 and bob at 22 is set");
	claim(process_copies(&alice, GVA_SRC) && process_copies(&bob, GVA_SRC),
	      "the device works for both");
	pasid_table_clear(&table, 11);
	claim(process_copies(&alice, GVA_SRC), "alice's entry is cleared, and cached still");
	claim(!pasid_table_sync(&table, NULL, 11), "the guest invalidates it");
	claim(!process_copies(&alice, GVA_SRC), "the device is refused with PASID 11");
	claim(process_copies(&bob, GVA_SRC), "bob does not notice");
	pasid_table_init(&next, &vmm, 16);
	pasid_table_map(&next, 11, &alice_table);
	claim(!pasid_table_set(&next, &vmm.devices[0]),
	      "the next kernel sets a table of its own, with alice only");
	claim(process_copies(&alice, GVA_SRC) && !process_copies(&bob, GVA_SRC),
	      "that is what the device uses");
	claim(!pasid_table_unset(&vmm, NULL) && !process_copies(&alice, GVA_SRC),
	      "translation is switched off: there is no PASID any more");
}

int main(void)
{
	int faults;

	if (vmm_open(&vmm, 0, 1))
		return 1;
	faults = fault_open(&vmm.devices[0], VFIO_NESTING_FAULT_PAGE_REQ);
	if (faults < 0)
		return 1;

	the_machine();
	two_processes();
	bind_them();
	the_device_works();
	caches();
	denied();
	page_on_demand(faults);
	wild_access(faults);
	without_pasid();
	goodbye();
	whole_table();
	close(faults);
	vmm_close(&vmm);

	return story_end();
}
