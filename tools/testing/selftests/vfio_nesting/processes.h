/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two processes of a guest, each with a page to read and one to write at the same
 * virtual addresses: for demos, which show them
 *
 * Their page tables are up to the demo.
 */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm.h"

/**
 * struct process - a process of the guest
 * @name: for people
 * @vmm: the machine that it is in
 * @channel: of the device, which works for it
 * @pasid: what the device puts on the bus for it
 * @src: virtual address of the page to read
 * @dst: the same of the page to write
 * @text: guest-physical address of the page at @src
 * @result: guest-physical address of the page at @dst
 */
struct process {
	const char *name;
	struct vmm *vmm;
	unsigned int channel;
	uint32_t pasid;
	uint64_t src, dst;
	uint64_t text, result;
};

/* Memory of the guest, as text */
char *process_bytes(const struct process *p, uint64_t gpa);
void process_say(const struct process *p, uint64_t gpa, const char *text);

/* Where a page of the guest is in the memory of the host; 0 if nobody says */
uint64_t process_host_physical(const struct process *p, uint64_t gpa);

/* Give it its two pages */
void process_start(struct process *p, struct vmm *vmm, const char *text);

/* Print where a page is, and what is in it: one, or all of two processes */
void process_show_page(const struct process *p, uint64_t va, uint64_t gpa);
void process_show(const struct process *one, const struct process *two);

/* Let the device copy from @from to the page to write, and whether it could */
bool process_copies(const struct process *p, uint64_t from);

#endif
