/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling what happens, with claims that are checked
 */
#ifndef STORY_H
#define STORY_H

#include <stdbool.h>

/* What each line begins with */
extern const char *story_margin;

void scene(const char *title);

/* Say what should be so, and whether it is */
__attribute__((format(printf, 2, 3)))
void claim(bool true_, const char *format, ...);

/* Say how many there were: the status to exit with */
int story_end(void);

#endif
