// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a device are read while another device's leave and enter the memory
 * map: each read must reach the device that it names
 *
 *	platform_mmio [changes]
 *
 * Needs two devices and two CPUs. What it examines is the platform: an emulator
 * that mixes them up makes every other test here look at the wrong device.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "needs_svatest.h"
#include "svatest.h"

/* Switch the decoding of the memory of a device off and on. */
static int change_map(unsigned int changes)
{
	uint16_t on, off;
	unsigned int i;
	char name[16];
	int fd;

	if (vmm_find_device(0, name, sizeof(name)))
		return 1;
	fd = vmm_open_sysfs(name, "config", O_RDWR);
	if (fd < 0 || pread(fd, &on, 2, PCI_COMMAND) != 2)
		return 1;
	on |= PCI_COMMAND_MEMORY;
	off = on & ~PCI_COMMAND_MEMORY;
	for (i = 0; i < changes; i++)
		if (pwrite(fd, i % 2 ? &on : &off, 2, PCI_COMMAND) != 2)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int changes = argc > 1 ? strtoul(argv[1], NULL, 0) : 4000;
	uint64_t reads = 0, wrong = 0;
	static struct vmm vmm;
	pid_t child;
	int status;

	printf("TAP version 13\n1..1\n");
	fflush(stdout);
	if (vmm_open(&vmm, 1, 1))
		return 1;
	child = fork();
	if (!child)
		_exit(change_map(changes));
	do {
		wrong += svatest_read(&vmm.devices[0], SVATEST_R_MAGIC) !=
			 SVATEST_MAGIC;
		reads++;
	} while (!waitpid(child, &status, WNOHANG));
	printf("# %llu reads, %llu of them wrong\n", (unsigned long long)reads,
	       (unsigned long long)wrong);
	printf("%sok 1 - each read reaches its device\n",
	       wrong || status ? "not " : "");
	return wrong || status;
}
