import numpy as np

from mlfuzz.corpus.table import FIRST_ROWS, Scalars, Vectors


def test_scalars_grow_by_ones_and_in_bulk():
    column = Scalars(np.int64)
    for number in range(FIRST_ROWS + 5):
        column.append(number)
    column.extend(range(3 * FIRST_ROWS))
    assert len(column.view) == 4 * FIRST_ROWS + 5
    np.testing.assert_array_equal(column.view[FIRST_ROWS + 3 : FIRST_ROWS + 7], [FIRST_ROWS + 3, FIRST_ROWS + 4, 0, 1])


def test_the_first_vector_that_is_not_empty_gives_the_width():
    column = Vectors()
    column.extend([[], []])
    assert column.view.shape == (2, 0)
    column.extend([[1.0, None]])
    column.extend([[1.0], [2.0, 3.0], []])
    assert column.width == 2
    nan = np.nan
    np.testing.assert_array_equal(
        column.view, np.float32([[nan, nan], [nan, nan], [1, nan], [nan, nan], [2, 3], [nan, nan]])
    )


def test_bytes_give_the_same_as_numbers():
    numbers, stored = Vectors(), Vectors()
    rows = [np.float32([1, 2]), np.float32([3]), np.float32([]), np.float32([4, 5])]
    for part in (rows[:1], rows[1:], rows[3:] * FIRST_ROWS):
        numbers.extend(part)
        stored.extend_bytes([row.tobytes() for row in part])
    np.testing.assert_array_equal(numbers.view, stored.view)


def test_a_row_is_replaced_where_its_width_fits():
    column = Vectors()
    column.extend([[], []])
    assert column.put(1, np.float32([7, 8]))
    assert not column.put(0, np.float32([7]))
    np.testing.assert_array_equal(column.view[1], [7, 8])
    assert np.isnan(column.view[0]).all()


def test_rows_of_one_width_may_have_gaps() -> None:
    column = Vectors()
    column.extend([[1.0, 2.0], [3.0, 4.0]])
    column.extend([[None, 5.0], [6.0, None]])
    assert np.array_equal(column.view, np.array([[1, 2], [3, 4], [np.nan, 5], [6, np.nan]], np.float32), equal_nan=True)
