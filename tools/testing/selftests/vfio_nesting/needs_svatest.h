/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For a test that is nothing without an svatest device: without any in the
 * machine it is skipped as a whole. One that VFIO was not given is a failure.
 */
#ifndef NEEDS_SVATEST_H
#define NEEDS_SVATEST_H

#include <stdio.h>
#include <stdlib.h>

#include "../kselftest.h"
#include "vmm.h"

static void __attribute__((constructor)) needs_svatest(void)
{
	char name[16];

	if (!vmm_scan_devices("/sys/bus/pci/devices", 0, name, sizeof(name)))
		return;
	printf("TAP version 13\n1..0 # SKIP no svatest device\n");
	exit(KSFT_SKIP);
}

#endif
