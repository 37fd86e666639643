/* SPDX-License-Identifier: Apache-2.0 */
/* The header of the library that is linked: of the module's own copy, or of an installed one. */
#ifndef SPANRING_GO_LIBRARY_H
#define SPANRING_GO_LIBRARY_H

#ifdef SPANRING_GO_INSTALLED
#include <spanring/spanring.h>
#else
#include "../libspanring/spanring.h"
#endif

#endif
