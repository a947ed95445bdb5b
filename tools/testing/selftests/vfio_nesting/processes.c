// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "guest.h"
#include "processes.h"

char *process_bytes(const struct process *p, uint64_t gpa)
{
	return vmm_ptr(p->vmm, gpa);
}

void process_say(const struct process *p, uint64_t gpa, const char *text)
{
	snprintf(process_bytes(p, gpa), SIZE_4K, "%s", text);
}

uint64_t process_host_physical(const struct process *p, uint64_t gpa)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (uintptr_t)process_bytes(p, gpa) / SIZE_4K * 8) != 8)
		entry = 0;
	close(fd);
	return (entry & ((1ULL << 55) - 1)) * SIZE_4K;
}

void process_start(struct process *p, struct vmm *vmm, const char *text)
{
	p->vmm = vmm;
	p->text = guest_page(vmm, 0);
	p->result = guest_page(vmm, 0);
	process_say(p, p->text, text);
}

void process_show_page(const struct process *p, uint64_t va, uint64_t gpa)
{
	printf("   %-6s %#14llx  %#10llx  %#10llx  \"%s\"\n", p->name,
	       (unsigned long long)va, (unsigned long long)gpa,
	       (unsigned long long)process_host_physical(p, gpa), process_bytes(p, gpa));
}

void process_show(const struct process *one, const struct process *two)
{
	printf("   whose  virtual         guest       host        bytes\n");
	process_show_page(one, one->src, one->text);
	process_show_page(one, one->dst, one->result);
	process_show_page(two, two->src, two->text);
	process_show_page(two, two->dst, two->result);
}

bool process_copies(const struct process *p, uint64_t from)
{
	return svatest_copy(&p->vmm->devices[0], p->channel, from, p->dst,
			    64) == SVATEST_ST_OK;
}
