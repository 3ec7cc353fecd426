/*
 * Tables of the kernel that show what a program may leave in the box's namespaces.
 */
#ifndef TABLES_H
#define TABLES_H

/* Call the reader for each row of a table but its heading. Of a long table only the first ones are
 * read. */
void tables_rows(const char *path, void (*reader)(const char *row));

/* Note what the tables read now, in a new box. */
void tables_record(void);

/* Return the path of a table that reads otherwise, or NULL. */
const char *tables_changed(void);

#endif
